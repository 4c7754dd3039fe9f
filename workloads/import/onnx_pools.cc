// Pools and joined channels.
#include <algorithm>
#include <cmath>
#include <utility>

#include "workloads/import/onnx_import.h"

namespace stuckat::importing {

void OnnxImport::read_max_pool(const Node& node) {
  const Value x = as_levels(node, value(node, 0));
  if (x.is_channels_last || (x.dims.size() != 4 && x.dims.size() != 3)) {
    refuse(node, "its input is no channels x height x width", "N, C, H, W");
  }
  Layer layer = builder_.layer_on(LayerKind::max_pool, {x.tensor});
  set_window(node, layer, x);
  set(node, max_pooled(node, std::move(layer), x));
}

Value OnnxImport::max_pooled(const Node& node, Layer layer, const Value& x) {
  if (x.padding != Padding(0)) refuse(node, "pools what Pad made", "padding of its own");
  for (const Line& line : x.lines) {
    if (line.slope > 0) continue;
    refuse(node, "takes the greatest of what falls with its levels", "a scale above 0 before it");
  }
  Value result = x;
  result.tensor = builder_.add(std::move(layer));
  result.shape = builder_.shape(result.tensor);
  const auto [h, w, c] = result.shape;
  result.dims =
      x.is_channels_last ? std::vector<int64_t>{1, h, w, c} : std::vector<int64_t>{1, c, h, w};
  if (x.dims.size() == 3) result.dims.pop_back();
  record(node, in_short(builder_.producer(result.tensor)));
  return result;
}

/// The sums of an average-pool whose geometry is filled in; each means 1 / pixels of them.
Value OnnxImport::averaged(const Node& node, Layer layer, const Value& x) {
  const Rational area(int64_t{layer.kernel.height} * layer.kernel.width);
  const bool is_padded = layer.padding != Padding(0);
  layer.output = layer.kind->output(layer, builder_.where());
  Value result = x;
  result.source = Source::sums;
  result.padding = {};
  result.shape = layer.output;
  for (Line& line : result.lines) {
    if (is_padded && line.offset != 0) {
      refuse(node, "pads with a 0 that its input's levels do not have", "no padding");
    }
    line.slope /= area;
  }
  result.layer = std::make_shared<Layer>(std::move(layer));
  record(node, "the sums of an average-pool");
  return result;
}

void OnnxImport::read_average_pool(const Node& node) {
  const Padding padding = value(node, 0).padding;
  Value x = as_levels(node, value(node, 0));
  x.padding = padding;
  if (x.is_channels_last || (x.dims.size() != 4 && x.dims.size() != 3)) {
    refuse(node, "its input is no channels x height x width", "N, C, H, W");
  }
  Layer layer = builder_.layer_on(LayerKind::average_pool, {x.tensor});
  set_window(node, layer, x);
  if (layer.padding != x.padding && node.number("count_include_pad", 0) == 0) {
    refuse(node, "averages over fewer pixels at the border", "no padding, or count_include_pad 1");
  }
  Value result = averaged(node, std::move(layer), x);
  result.dims = {1, result.shape.channels, result.shape.height};
  if (x.dims.size() == 4) result.dims.push_back(result.shape.width);
  set(node, std::move(result));
}

/// GlobalAveragePool, or ReduceMean over all pixels.
void OnnxImport::read_global_average_pool(const Node& node) {
  const Value x = as_levels(node, value(node, 0));
  bool keeps = true;
  if (node.operation == "ReduceMean") {
    std::vector<int64_t> axes = node.integers("axes");
    if (has_input(node, 1)) {
      for (const double a : constant(node, 1).values) axes.push_back(static_cast<int64_t>(a));
    }
    const auto rank = static_cast<int64_t>(x.dims.size());
    for (int64_t& axis : axes) axis += axis < 0 ? rank : 0;
    std::sort(axes.begin(), axes.end());
    const std::vector<int64_t> pixels =
        x.is_channels_last ? std::vector<int64_t>{1, 2} : std::vector<int64_t>{2, 3};
    if (rank != 4 || axes != pixels) refuse(node, "means over other axes", "height and width");
    keeps = node.number("keepdims", 1) != 0;
  }
  Layer layer = builder_.layer_on(LayerKind::average_pool, {x.tensor});
  layer.kernel = {layer.input.height, layer.input.width};
  Value result = averaged(node, std::move(layer), x);
  const int64_t channels = result.shape.channels;
  if (!keeps) {
    result.dims = {1, channels};
  } else {
    result.dims = x.is_channels_last ? std::vector<int64_t>{1, 1, 1, channels}
                                     : std::vector<int64_t>{1, channels, 1, 1};
  }
  set(node, std::move(result));
}

/// FINN's QuantAvgPool2d: the sum of integers shifted right, so far that obits hold the greatest
/// sum of ibits.
void OnnxImport::read_quant_average_pool(const Node& node) {
  const Value x = as_levels(node, value(node, 0));
  Layer layer = builder_.layer_on(LayerKind::average_pool, {x.tensor});
  const double kernel = node.number("kernel", 0);
  const double stride = node.number("stride", 1);
  const double ibits = node.number("ibits", 0);
  const double obits = node.number("obits", 0);
  if (!(kernel >= 1 && kernel <= 4096 && stride >= 1 && stride <= 4096 && ibits >= 1 &&
        ibits <= 16 && obits >= 1 && obits <= 16)) {
    refuse(node, "has a kernel, stride or width that makes no sense", "1 or more");
  }
  layer.kernel = static_cast<int>(kernel);
  layer.stride = static_cast<int>(stride);
  const bool is_signed = node.number("signed", 0) != 0;
  const double greatest = (std::ldexp(1.0, static_cast<int>(ibits)) - 1) * kernel * kernel;
  const int bits = std::ilogb(greatest) + 1;
  const int shift = std::max(0, bits - static_cast<int>(obits));
  Value sums = averaged(node, std::move(layer), x);
  builder_.result.nodes.pop_back();
  const Rational area(static_cast<int64_t>(kernel * kernel));
  for (Line& line : sums.lines) line.slope *= area;
  sums.dims =
      x.is_channels_last
          ? std::vector<int64_t>{1, sums.shape.height, sums.shape.width, sums.shape.channels}
          : std::vector<int64_t>{1, sums.shape.channels, sums.shape.height, sums.shape.width};
  Levels levels;
  levels.format = is_signed && obits >= 2 ? full_format(static_cast<int>(obits))
                                          : unsigned_format(static_cast<int>(obits));
  levels.base = levels.format.min_level();
  levels.boundaries = {Boundaries::uniform(Rational(Integer(1) << static_cast<unsigned>(shift)), 0,
                                           levels.base + 1, levels.format.thresholds(),
                                           Rounding::floor)};
  levels.scales = {Rational(1)};
  set(node, quantized(node, sums, std::move(levels)));
}

void OnnxImport::read_concat(const Node& node) {
  std::vector<Value> parts;
  std::vector<int> tensors;
  int channels = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    parts.push_back(as_levels(node, value(node, i)));
    const Value& part = parts.back();
    const Value& first = parts.front();
    if (part.dims.size() != first.dims.size() || part.is_channels_last != first.is_channels_last ||
        part.shape.height != first.shape.height || part.shape.width != first.shape.width) {
      refuse(node, "joins " + part.shape.text() + " and " + first.shape.text(), "the same pixels");
    }
    if (part.lines != first.lines || part.lines.size() != 1) {
      refuse(node, "joins levels with other scales or zero points",
             "one quantizer for all that is joined");
    }
    channels += part.shape.channels;
    if (channels > max_dimension) refuse(node, "joins too many channels", "65536 at most");
  }
  const auto rank = static_cast<int64_t>(parts.front().dims.size());
  const bool is_stream = node.operation.starts_with("StreamingConcat");
  auto axis = static_cast<int64_t>(node.number("axis", is_stream ? -1 : 1));
  if (axis < 0) axis += rank;
  if (parts.size() < 2 || axis != (parts.front().is_channels_last ? rank - 1 : 1)) {
    refuse(node, "joins along axis " + std::to_string(axis), "channels");
  }
  const NumberFormat wide = common_format(parts);
  for (Value& part : parts) {
    if (builder_.format(part.tensor) != wide) {
      const Line line = part.lines[0];
      if (line.slope <= 0) refuse(node, "joins what falls with its levels", "scales above 0");
      Levels levels;
      levels.format = wide;
      levels.base = wide.min_level();
      levels.boundaries = {Boundaries::uniform(line.slope, -line.offset / line.slope,
                                               levels.base + 1, wide.thresholds(),
                                               Rounding::half_even)};
      levels.scales = {line.slope};
      levels.offset = line.offset;
      part = quantized(node, part, std::move(levels));
    }
    tensors.push_back(part.tensor);
  }
  Layer layer = builder_.layer_on(LayerKind::concat, tensors);
  layer.output.channels = channels;
  Value result = parts.front();
  result.tensor = builder_.add(std::move(layer));
  result.shape = builder_.shape(result.tensor);
  result.dims[static_cast<size_t>(axis)] = channels;
  record(node, in_short(builder_.producer(result.tensor)));
  set(node, std::move(result));
}

/// The smallest format that holds the values of all; theirs, if it is one.
NumberFormat OnnxImport::common_format(const std::vector<Value>& parts) const {
  const NumberFormat first = builder_.format(parts.front().tensor);
  int low = 0;
  int high = 0;
  bool same = true;
  for (const Value& part : parts) {
    const NumberFormat format = builder_.format(part.tensor);
    same = same && format == first;
    low = std::min(low, format.min_level());
    high = std::max(high, format.max_level());
  }
  return same ? first : format_holding(low, high);
}

}  // namespace stuckat::importing
