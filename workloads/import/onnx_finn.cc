// FINN's hardware nodes: integers, thresholds and windows as they are, and the folding beside them.
#include <algorithm>
#include <cmath>
#include <utility>

#include "workloads/import/onnx_import.h"

namespace stuckat::importing {
namespace {

Extent extent_of(const std::vector<int64_t>& values, Extent otherwise) {
  if (values.empty()) return otherwise;
  const auto at = [&](size_t i) {
    return static_cast<int>(
        std::clamp<int64_t>(values[std::min(i, values.size() - 1)], 0, max_dimension));
  };
  return {at(0), at(1)};
}

}  // namespace

void OnnxImport::note_folding(const Node& node) {
  ImportedFolding folding;
  folding.node = node.name;
  for (const char* key : {"PE", "SIMD", "depth", "inFIFODepth", "outFIFODepth", "inFIFODepths",
                          "outFIFODepths", "parallel_window"}) {
    if (node.has(key)) folding.values.emplace_back(key, node.integers(key));
  }
  const auto found = node.outputs.empty() ? values_.end() : values_.find(node.outputs[0]);
  if (found != values_.end() && found->second.source == Source::levels &&
      found->second.tensor > 0) {
    folding.tensor = found->second.tensor;
  }
  builder_.result.folding.push_back(std::move(folding));
}

/// Sums with the node's thresholds, or as they are (noActivation).
void OnnxImport::finn_activation(const Node& node, const Value& sums, size_t index) {
  const std::string datatype = node.text("outputDataType", "");
  if (node.number("noActivation", 0) != 0 || !has_input(node, index)) {
    record(node, "the sums of the next layer");
    set(node, sums);
  } else {
    set(node, quantized(node, sums,
                        threshold_levels(node, constant(node, index), sums.shape.channels, datatype,
                                         datatype == "BIPOLAR" ? 2 : 1,
                                         datatype == "BIPOLAR" ? -1 : node.number("ActVal", 0))));
  }
  note_folding(node);
}

void OnnxImport::read_mvau(const Node& node) {
  const Value& x = value(node, 0);
  const bool matching = node.number("binaryXnorMode", 0) != 0;
  finn_activation(node, matching ? matches(node, x, 1) : dense(node, x, 1, false), 2);
}

/// Bits that were read as 0 and 1 are -1 and +1 from here on: their real numbers stay.
void OnnxImport::make_binary(const Node& node, int tensor, int reader) {
  if (builder_.format(tensor) == binary_format) return;
  if (builder_.format(tensor) != unsigned_format(1)) {
    refuse(node, "counts matches of " + builder_.format(tensor).name(), "bits (BINARY)");
  }
  for (int t = tensor + 1; t <= builder_.layers(); ++t) {
    for (const int input : builder_.producer(t).inputs) {
      if (input == tensor && t != reader) {
        refuse(node, "its input is read as 0 and 1 elsewhere", "layers that all count matches");
      }
    }
  }
  if (tensor == 0) {
    for (auto* map : {&input_map_.pixels, &input_map_.integers}) {
      for (int32_t& v : *map) v = v > 0 ? 1 : -1;
    }
    builder_.set_input(builder_.shape(0), binary_format);
  } else {
    if (!builder_.producer(tensor).kind->sums) {  // a pool picks the same bit
      for (const int input : builder_.producer(tensor).inputs) make_binary(node, input, tensor);
      builder_.producer(tensor).input_format = binary_format;
    }
    builder_.producer(tensor).output_format = binary_format;
  }
  for (auto& [name, known] : values_) {
    if (known.source != Source::levels || known.tensor != tensor) continue;
    for (Line& line : known.lines) line.substitute(Rational(1, 2), Rational(1, 2));
  }
}

/// The number of columns where bits of the input and of a matrix agree.
Value OnnxImport::matches(const Node& node, const Value& x, size_t index) {
  const Value bits = as_levels(node, x);
  make_binary(node, bits.tensor, -1);
  // The same product of -1 and +1: m matches and K - m others sum up to 2 m - K.
  Value in = x.source == Source::levels && x.tensor == bits.tensor ? x : bits;
  in.lines = {Line{}};
  const std::string name = node.name + " as -1 and +1";
  Constant weights = constant(node, index);
  for (double& w : weights.values) w = w > 0 ? 1 : -1;
  weights.is_bipolar = true;
  weights.integers.clear();
  weights.scales.clear();
  values_[name].constant = std::make_shared<const Constant>(std::move(weights));
  Node product = node;
  product.inputs[index] = name;
  in.source = Source::levels;
  in.tensor = bits.tensor;
  pads_matches_ = true;  // 0 is a code here: that of -1
  Value sums = dense(product, in, index, false);
  pads_matches_ = false;
  const Rational columns(sums.layer->columns());
  for (Line& line : sums.lines) {
    line.add(columns);
    line.multiply(Rational(1, 2));
  }
  return sums;
}

void OnnxImport::read_xnor_matmul(const Node& node) {
  Value sums = matches(node, value(node, 0), 1);
  record(node, "the matches of the next layer");
  set(node, std::move(sums));
}

void OnnxImport::read_max_pool_nhwc(const Node& node) {
  const Value x = as_levels(node, value(node, 0));
  Layer layer = builder_.layer_on(LayerKind::max_pool, {x.tensor});
  layer.kernel = extent_of(node.integers("kernel_shape"), Extent(0));
  layer.stride = extent_of(node.integers("strides"), Extent(1));
  const std::vector<int64_t> pads = node.integers("pads");
  if (!x.is_channels_last || x.dims.size() != 4 || layer.kernel.height < 1 ||
      layer.kernel.width < 1 || layer.stride.height < 1 || layer.stride.width < 1 ||
      std::any_of(pads.begin(), pads.end(), [](int64_t p) { return p != 0; })) {
    refuse(node, "has a window, padding or layout that makes no sense",
           "N, H, W, C without padding");
  }
  set(node, max_pooled(node, std::move(layer), x));
}

/// The sum over all pixels.
void OnnxImport::read_global_acc_pool(const Node& node) {
  const Value x = as_levels(node, value(node, 0));
  Layer layer = builder_.layer_on(LayerKind::average_pool, {x.tensor});
  layer.kernel = {layer.input.height, layer.input.width};
  const Rational area(layer.input.pixels());
  Value sums = averaged(node, std::move(layer), x);
  for (Line& line : sums.lines) line.slope *= area;
  sums.dims = {1, 1, 1, sums.shape.channels};
  set(node, std::move(sums));
  note_folding(node);
}

/// Depthwise: weights channels x 1 x kernel.
void OnnxImport::read_vvau(const Node& node) {
  const Value in = value(node, 0);
  Value x = as_levels(node, in);
  const Constant& w = constant(node, 1);
  if (w.dims.size() != 4 || w.dims[1] != 1 || w.dims[0] != x.shape.channels || !in.window) {
    refuse(node, "has weights or an input that are not depthwise",
           "channels x 1 x kernel after a ConvolutionInputGenerator");
  }
  Layer layer = builder_.layer_on(LayerKind::convolution, {x.tensor});
  layer.kernel = in.window->kernel;
  layer.stride = in.window->stride;
  layer.padding = in.window->padding;
  layer.groups = layer.input.channels;
  const int64_t columns = layer.wide_columns();
  if (w.dims[2] != layer.kernel.height || w.dims[3] != layer.kernel.width) {
    refuse(node, "has another kernel than the window before it", "the same");
  }
  const Weights weights = weights_of(node, 1, layer.input.channels,
                                     [&](int64_t i) { return static_cast<int>(i / columns); });
  layer.weights = weights.integers;
  Value sums = product(node, x, std::move(layer), weights);
  sums.dims = {1, sums.shape.height, sums.shape.width, sums.shape.channels};
  finn_activation(node, sums, 2);
}

void OnnxImport::read_thresholding(const Node& node) { finn_activation(node, value(node, 0), 1); }

void OnnxImport::read_window(const Node& node) {
  Value x = value(node, 0);
  const std::vector<int64_t> dilation = node.integers("Dilation");
  if (x.dims.size() != 4 || !x.is_channels_last || x.window ||
      std::any_of(dilation.begin(), dilation.end(), [](int64_t d) { return d != 1; })) {
    refuse(node, "unfolds something else than an image, or is dilated", "N, H, W, C");
  }
  unfold(node, x, extent_of(node.integers("ConvKernelDim"), Extent(0)),
         extent_of(node.integers("Stride"), Extent(1)), x.padding);
  note_folding(node);
}

void OnnxImport::read_im2col(const Node& node) {
  Value x = value(node, 0);
  std::vector<int64_t> pads = node.integers("pad_amount");
  if (pads.empty()) pads.assign(4, 0);
  const std::vector<int64_t> dilations = node.integers("dilations");
  bool sane = x.dims.size() == 4 && x.is_channels_last && !x.window && pads.size() == 4 &&
              std::all_of(dilations.begin(), dilations.end(), [](int64_t d) { return d == 1; });
  for (const int64_t p : pads) sane = sane && p >= 0 && p <= max_dimension;
  if (!sane) refuse(node, "unfolds something else than an image, or is dilated", "N, H, W, C");
  const auto at = [&](size_t i) { return static_cast<int>(pads[i]); };
  unfold(node, x, extent_of(node.integers("kernel_size"), Extent(0)),
         extent_of(node.integers("stride"), Extent(1)), Padding{at(0), at(1), at(2), at(3)});
}

void OnnxImport::unfold(const Node& node, Value x, Extent kernel, Extent stride, Padding padding) {
  Layer layer;
  layer.kind = LayerKind::convolution;
  layer.input = x.shape;
  layer.kernel = kernel;
  layer.stride = stride;
  layer.padding = padding;
  layer.output.channels = 1;
  const Shape out = layer.kind->output(layer, builder_.where() + ": node '" + node.name + "'");
  x.window = Window{kernel, stride, padding};
  x.padding = {};
  x.dims = {1, out.height, out.width, int64_t{kernel.height} * kernel.width * x.shape.channels};
  record(node, "the window of the next layer");
  set(node, std::move(x));
}

void OnnxImport::read_fm_padding(const Node& node) {
  Value x = value(node, 0);
  const std::vector<int64_t> pads = node.integers("Padding");
  bool sane = pads.size() == 4 && x.dims.size() == 4 && x.is_channels_last;
  for (const int64_t p : pads) sane = sane && p >= 0 && p <= max_dimension;
  if (!sane) refuse(node, "pads something else than four sides of an image", "N, H, W, C");
  const auto at = [&](size_t i) { return static_cast<int>(pads[i]); };
  x.padding = {at(0), at(1), at(2), at(3)};
  x.dims[1] += pads[0] + pads[2];
  x.dims[2] += pads[1] + pads[3];
  record(node, "padding of what follows");
  set(node, std::move(x));
  note_folding(node);
}

void OnnxImport::read_duplicate(const Node& node) {
  const Value x = value(node, 0);
  for (size_t i = 0; i < node.outputs.size(); ++i) set(node, x, i);
  record(node, "read by several layers");
  note_folding(node);
}

/// The sum of two streams as levels of the output's datatype.
void OnnxImport::read_add_streams(const Node& node) {
  const Value sums = sum_of(node, value(node, 0), value(node, 1));
  set(node, on_grid(node, sums));
  note_folding(node);
}

void OnnxImport::read_streaming_max_pool(const Node& node) {
  const Value x = as_levels(node, value(node, 0));
  Layer layer = builder_.layer_on(LayerKind::max_pool, {x.tensor});
  layer.kernel = extent_of(node.integers("PoolDim"), Extent(0));
  layer.stride = layer.kernel;
  set(node, max_pooled(node, std::move(layer), x));
  note_folding(node);
}

void OnnxImport::read_pass(const Node& node) {
  const Value x = value(node, 0);
  set(node, x);
  record(node, "the same values");
  note_folding(node);
}

}  // namespace stuckat::importing
