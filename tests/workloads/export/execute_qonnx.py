"""Computes a QONNX file by the definitions of its operators, and compares what it gives with what it should.

    execute_qonnx.py FILE.onnx INPUTS SCORES [--predictions]

INPUTS, SCORES: text, one image a line, elements as [pixel][channel]. Exit code 0 if all are equal
(--predictions: if the greatest of each line is in one place). An oracle for `stuckat export`: the onnx package reads
the file, numpy computes; nothing here is ours.
"""
import sys

import numpy
import onnx
from onnx import helper, numpy_helper

F32 = numpy.float32


def multi_threshold(attributes, x, thresholds):
    channels = x.shape[1]
    flat = numpy.moveaxis(x, 1, 0).reshape(channels, -1)
    assert thresholds.shape[0] in (1, channels)
    rows = numpy.broadcast_to(thresholds, (channels, thresholds.shape[1]))
    counts = numpy.stack([numpy.searchsorted(numpy.sort(t), v, side="right") for t, v in zip(rows, flat)])
    levels = F32(attributes.get("out_scale", 1)) * counts.astype(F32) + F32(attributes.get("out_bias", 0))
    shape = (channels, x.shape[0]) + x.shape[2:]
    return numpy.moveaxis(levels.reshape(shape), 0, 1)


def quant(attributes, x, scale, zero, bits):
    signed, narrow = attributes.get("signed", 1), attributes.get("narrow", 0)
    low = -2.0 ** (bits - 1) + narrow if signed else 0.0
    high = 2.0 ** (bits - 1) - 1 if signed else 2.0 ** bits - 1 - narrow
    assert attributes.get("rounding_mode", b"ROUND") == b"ROUND"
    return ((numpy.rint(numpy.clip(x / scale + zero, low, high)) - zero) * scale).astype(F32)


def windows(x, attributes, fill):
    """[batch][channel][y][x][ky][kx]"""
    kh, kw = attributes["kernel_shape"]
    top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
    sy, sx = attributes.get("strides", [1, 1])
    padded = numpy.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    return numpy.lib.stride_tricks.sliding_window_view(padded, (kh, kw), axis=(2, 3))[:, :, ::sy, ::sx]


def conv(attributes, x, w):
    w6 = windows(x, attributes, 0)
    groups = attributes.get("group", 1)
    outputs = []
    for inputs, weights in zip(numpy.split(w6, groups, axis=1), numpy.split(w, groups)):
        columns = inputs.transpose(0, 2, 3, 1, 4, 5)
        shape = columns.shape[:3]
        columns = columns.reshape(-1, weights[0].size)
        outputs.append((columns @ weights.reshape(len(weights), -1).T).reshape(shape + (len(weights),)))
    return numpy.concatenate(outputs, axis=3).transpose(0, 3, 1, 2)


def pad(attributes, x, pads, value):
    assert attributes["mode"] == b"constant"
    n = x.ndim
    return numpy.pad(x, [(pads[i], pads[i + n]) for i in range(n)], constant_values=value)


def average(attributes, x):
    assert attributes["count_include_pad"] == 1
    w6 = windows(x, attributes, 0)
    return (w6.sum(axis=(4, 5), dtype=F32) / F32(w6.shape[4] * w6.shape[5])).astype(F32)


OPERATORS = {
    "Add": lambda a, x, y: x + y,
    "AveragePool": average,
    "BipolarQuant": lambda a, x, scale: numpy.where(x >= 0, scale, -scale).astype(F32),
    "Cast": lambda a, x: x.astype(helper.mapping.TENSOR_TYPE_TO_NP_TYPE[a["to"]]),
    "Concat": lambda a, *parts: numpy.concatenate(parts, axis=a["axis"]),
    "Conv": conv,
    "Gather": lambda a, table, index: numpy.take(table, index, axis=a.get("axis", 0)),
    "MatMul": lambda a, x, y: x @ y,
    "MaxPool": lambda a, x: windows(x, a, -numpy.inf).max(axis=(4, 5)),
    "Mul": lambda a, x, y: x * y,
    "MultiThreshold": multi_threshold,
    "Pad": pad,
    "Quant": quant,
    "Reshape": lambda a, x, shape: x.reshape((-1,) + tuple(shape[1:])),
    "Transpose": lambda a, x: x.transpose(a["perm"]),
}


def run(model, images):
    values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    values[model.graph.input[0].name] = images
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        result = OPERATORS[node.op_type](attributes, *[values[name] for name in node.input])
        assert result.dtype in (F32, numpy.int64, numpy.float64), (node.name, result.dtype)
        values[node.output[0]] = result
    return values[model.graph.output[0].name]


def main():
    path, inputs, scores = sys.argv[1:4]
    model = onnx.load(path)
    onnx.checker.check_model(model)
    _, channels, height, width = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    images = numpy.loadtxt(inputs, dtype=F32, ndmin=2).reshape(-1, height, width, channels)
    result = run(model, images.transpose(0, 3, 1, 2))
    declared = [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim]
    assert list(result.shape[1:]) == declared[1:], (result.shape, declared)
    if result.ndim == 4:
        result = result.transpose(0, 2, 3, 1)
    result = result.reshape(len(images), -1)
    wanted = numpy.loadtxt(scores, dtype=F32, ndmin=2)
    if "--predictions" in sys.argv:
        result, wanted = result.argmax(axis=1)[:, None], wanted.argmax(axis=1)[:, None]
    if numpy.array_equal(result, wanted):
        return 0
    image, element = numpy.argwhere(result != wanted)[0]
    print(f"{path}: image {image}, element {element}: {result[image, element]}, should be {wanted[image, element]}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
