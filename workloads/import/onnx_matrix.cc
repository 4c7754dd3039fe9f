// Convolutions and dense layers: integer weights, and what a sum means.
#include <algorithm>
#include <cmath>
#include <utility>

#include "workloads/import/onnx_import.h"

namespace stuckat::importing {
namespace {

/// The one magnitude of a row of values, or 0.
double magnitude(const std::vector<double>& values, const std::vector<int64_t>& row) {
  const double first = std::abs(values[static_cast<size_t>(row[0])]);
  for (const int64_t i : row) {
    if (std::abs(values[static_cast<size_t>(i)]) != first) return 0;
  }
  return first;
}

}  // namespace

/// Integers and a scale for each row. Constants that no quantizer made are integers themselves, or
/// of one magnitude in each row.
OnnxImport::Weights OnnxImport::weights_of(const Node& node, size_t index, int rows,
                                           const std::function<int(int64_t)>& row_of) const {
  const Constant& constant = this->constant(node, index);
  std::vector<std::vector<int64_t>> elements(static_cast<size_t>(rows));
  for (int64_t i = 0; i < constant.size(); ++i) {
    elements[static_cast<size_t>(row_of(i))].push_back(i);
  }
  Weights weights;
  weights.bits = constant.bits == 0 ? 8 : constant.bits;
  weights.may_be_binary = constant.is_bipolar;
  weights.integers.resize(constant.values.size());
  if (const auto said = file_.datatypes.find(node.inputs[index]); said != file_.datatypes.end()) {
    if (const auto format = finn_format(said->second)) {
      weights.bits = format->bits;
      weights.may_be_binary = format->kind == FormatKind::binary;
    }
  }
  const bool are_integers =
      std::all_of(constant.values.begin(), constant.values.end(),
                  [](double v) { return v == std::floor(v) && std::abs(v) <= 128; });
  for (const auto& row : elements) {
    if (row.empty()) refuse(node, "has a row without weights", "a whole matrix");
    Rational scale = 1;
    bool has_scale = false;
    const double one =
        constant.integers.empty() && !are_integers ? magnitude(constant.values, row) : 0;
    for (const int64_t i : row) {
      const auto at = static_cast<size_t>(i);
      double integer = constant.values[at];
      if (!constant.integers.empty()) {
        integer = constant.integers[at];
        const Rational own = real(node, constant.scales[at]);
        if (integer != 0 || !has_scale) {
          if (has_scale && own != scale && integer != 0 && scale != 0) {
            refuse(node, "the weights of a row have several scales", "one for each output channel");
          }
          scale = own;
          has_scale = integer != 0;
        }
      } else if (!are_integers) {
        if (one == 0) {
          refuse(node, "its weights '" + node.inputs[index] + "' are not quantized",
                 "a quantizer (Quant, BipolarQuant, DequantizeLinear) on them");
        }
        integer = integer < 0 ? -1 : 1;
        scale = real(node, one);
        weights.may_be_binary = true;
      }
      if (!(integer >= -128 && integer <= 127)) {
        refuse(node, "has the integer weight " + std::to_string(integer), "-128 to 127");
      }
      weights.integers[at] = static_cast<int8_t>(integer);
    }
    weights.scales.push_back(std::move(scale));
  }
  return weights;
}

/// The sums of a layer whose weights are filled in.
Value OnnxImport::product(const Node& node, const Value& x, Layer layer, const Weights& weights) {
  layer.weight_format =
      weight_format_holding(layer.weights, std::min(8, weights.bits), weights.may_be_binary);
  const auto fits = [&] {
    const auto [least, greatest] = layer.kind->sums_between(layer);
    return least > INT32_MIN + 1 && greatest < INT32_MAX;
  };
  if (!fits() && layer.weight_format.kind != FormatKind::binary) {
    layer.weight_format =
        weight_format_holding(layer.weights, 2, false);  // as few bits as they need
  }
  layer.output = layer.kind->output(layer, builder_.where());
  check_sums(node, layer);
  const bool is_padded = layer.padding != Padding(0);
  if (is_padded && !pads_matches_ && layer.input_format.kind == FormatKind::binary) {
    refuse(node, "pads -1 and +1 with 0, which has no code (FINN issue 996)",
           "no padding, or activations that have a 0 (2 bits, or unsigned)");
  }
  const int channels = layer.input.channels;
  const bool depthwise = layer.groups == channels;
  if (x.lines.size() > 1 && !depthwise &&
      !std::all_of(x.lines.begin(), x.lines.end(),
                   [&](const Line& l) { return l == x.lines[0]; })) {
    refuse(node, "reads channels with scales of their own", "one scale for all input channels");
  }
  Value result;
  result.source = Source::sums;
  result.shape = layer.output;
  result.is_channels_last = x.is_channels_last;
  result.lines.clear();
  for (int row = 0; row < layer.rows(); ++row) {
    const Line& in = x.line(depthwise ? layer.group_of(row) : 0);
    const Rational& scale = weights.scales[static_cast<size_t>(row)];
    Line line;
    line.slope = in.slope * scale;
    if (in.offset != 0) {
      if (is_padded) {
        refuse(node, "pads with a 0 that its input's levels do not have",
               "a zero point on a level, or no padding");
      }
      int64_t sum = 0;
      for (int i = 0; i < layer.columns(); ++i) sum += layer.weight_row(row)[i];
      line.offset = in.offset * scale * sum;
    }
    line.is_rounded = in.is_rounded;
    if (layer.is_xnor()) line.substitute(2, -layer.columns());
    result.lines.push_back(std::move(line));
  }
  result.layer = std::make_shared<Layer>(std::move(layer));
  return result;
}

void OnnxImport::add_bias(const Node& node, Value& result, size_t index) const {
  if (!has_input(node, index)) return;
  const Constant& bias = constant(node, index);
  if (bias.size() != result.shape.channels && bias.size() != 1) {
    refuse(node, "has a bias of " + std::to_string(bias.size()) + " values",
           std::to_string(result.shape.channels));
  }
  spread(result);
  for (size_t c = 0; c < result.lines.size(); ++c) {
    const size_t at = bias.size() == 1 ? 0 : c;
    // A quantized bias by its integers: their product with the scale is not rounded.
    result.lines[c].add(bias.integers.empty() ? real(node, bias.values[at])
                                              : real(node, bias.scales[at]) * bias.integers[at]);
  }
}

/// Kernel, stride and padding by the attributes of Conv and pools.
void OnnxImport::set_window(const Node& node, Layer& layer, const Value& x) const {
  const bool line = x.dims.size() == 3;  // one dimension: ours is the height
  const size_t axes = line ? 1 : 2;
  const auto list = [&](const char* name, int64_t otherwise, size_t count) {
    std::vector<int64_t> values = node.integers(name);
    if (values.empty()) values.assign(count, otherwise);
    bool sane = values.size() == count;
    for (const int64_t v : values) sane = sane && v >= 0 && v <= max_dimension;
    if (!sane) refuse(node, std::string("has ") + name + " that do not fit", "one for each axis");
    return values;
  };
  const auto at = [](const std::vector<int64_t>& v, size_t i) { return static_cast<int>(v[i]); };
  const auto kernel = list("kernel_shape", layer.kernel.height, axes);
  const auto stride = list("strides", 1, axes);
  layer.kernel = line ? Extent{at(kernel, 0), 1} : Extent{at(kernel, 0), at(kernel, 1)};
  layer.stride = line ? Extent{at(stride, 0), 1} : Extent{at(stride, 0), at(stride, 1)};
  for (const int64_t d : list("dilations", 1, axes)) {
    if (d != 1) refuse(node, "is dilated", "dilations of 1");
  }
  if (node.number("ceil_mode", 0) != 0)
    refuse(node, "rounds its size up (ceil_mode)", "ceil_mode 0");
  if (layer.kernel.height < 1 || layer.kernel.width < 1 || layer.stride.height < 1 ||
      layer.stride.width < 1) {
    refuse(node, "has no kernel or stride", "1 or more");
  }
  const std::string padding = node.text("auto_pad", "NOTSET");
  if (padding == "NOTSET" || padding.empty()) {
    const auto pads = list("pads", 0, 2 * axes);
    layer.padding = line ? Padding{at(pads, 0), 0, at(pads, 1), 0}
                         : Padding{at(pads, 0), at(pads, 1), at(pads, 2), at(pads, 3)};
  } else if (padding == "SAME_UPPER" || padding == "SAME_LOWER") {
    const auto around = [&](int size, int k, int s) {
      const int64_t all = std::max<int64_t>(0, int64_t{(size + s - 1) / s - 1} * s + k - size);
      const int small = static_cast<int>(all / 2);
      const int great = static_cast<int>(all) - small;
      return padding == "SAME_UPPER" ? std::pair(small, great) : std::pair(great, small);
    };
    const auto [top, bottom] = around(layer.input.height, layer.kernel.height, layer.stride.height);
    const auto [left, right] = around(layer.input.width, layer.kernel.width, layer.stride.width);
    layer.padding = {top, left, bottom, right};
  } else if (padding != "VALID") {
    refuse(node, "auto_pad '" + padding + "'", "NOTSET, VALID, SAME_UPPER or SAME_LOWER");
  }
  layer.padding.top += x.padding.top;
  layer.padding.left += x.padding.left;
  layer.padding.bottom += x.padding.bottom;
  layer.padding.right += x.padding.right;
}

void OnnxImport::read_conv(const Node& node) {
  const Padding padding = value(node, 0).padding;
  Value x = as_levels(node, value(node, 0));
  x.padding = padding;
  const Constant& w = constant(node, 1);
  const bool line = x.dims.size() == 3 && w.dims.size() == 3;
  if (x.is_channels_last || (!line && (x.dims.size() != 4 || w.dims.size() != 4))) {
    refuse(node, "its input or weights are not channels x height x width",
           "N, C, H, W and O, I, H, W");
  }
  Layer layer = builder_.layer_on(LayerKind::convolution, {x.tensor});
  bool sane = true;
  for (const int64_t extent : w.dims) sane = sane && extent >= 1 && extent <= max_dimension;
  if (!sane) refuse(node, "has weights of no size", "1 to 65536 each way");
  const auto rows = static_cast<int>(w.dims[0]);
  const int64_t inputs = w.dims[1];
  layer.output.channels = rows;
  layer.kernel = {static_cast<int>(w.dims[2]), line ? 1 : static_cast<int>(w.dims[3])};
  layer.groups = static_cast<int>(node.number("group", 1));
  const Extent kernel = layer.kernel;
  set_window(node, layer, x);
  if (layer.groups < 1 || rows % layer.groups != 0 || layer.kernel != kernel ||
      int64_t{layer.groups} * inputs != layer.input.channels) {
    refuse(node,
           "weights for " + std::to_string(inputs) + " channels in " +
               std::to_string(layer.groups) + " groups, and another kernel perhaps",
           "those of its input's " + std::to_string(layer.input.channels) + " channels");
  }
  const int64_t columns = layer.wide_columns();
  const Weights weights =
      weights_of(node, 1, rows, [&](int64_t i) { return static_cast<int>(i / columns); });
  const int64_t pixels = int64_t{kernel.height} * kernel.width;
  layer.weights.resize(weights.integers.size());
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < inputs; ++c) {
      for (int64_t k = 0; k < pixels; ++k) {
        layer.weights[static_cast<size_t>(row * columns + k * inputs + c)] =
            weights.integers[static_cast<size_t>(row * columns + c * pixels + k)];
      }
    }
  }
  Value result = product(node, x, std::move(layer), weights);
  result.dims = {1, rows, result.shape.height};
  if (!line) result.dims.push_back(result.shape.width);
  add_bias(node, result, 2);
  record(node, "the sums of the next layer");
  set(node, std::move(result));
}

/// x [.., K] times a matrix [K][N], or [N][K] if `transposed`: on all elements, or on the channels
/// of each pixel.
Value OnnxImport::dense(const Node& node, const Value& in, size_t index, bool transposed) {
  const Value x = as_levels(node, in);
  const Constant& w = constant(node, index);
  if (w.dims.size() != 2 || w.dims[0] < 1 || w.dims[1] < 1 || w.dims[0] > max_dimension * 4 ||
      w.dims[1] > max_dimension * 4) {
    refuse(node, "has weights of " + std::to_string(w.dims.size()) + " dimensions", "a matrix");
  }
  const int64_t inputs = transposed ? w.dims[1] : w.dims[0];
  const int64_t rows = transposed ? w.dims[0] : w.dims[1];
  const bool on_pixels =
      x.window || (x.is_channels_last && x.shape.pixels() > 1 && x.dims.back() == x.shape.channels);
  Layer layer =
      builder_.layer_on(on_pixels ? LayerKind::convolution : LayerKind::dense, {x.tensor});
  layer.output.channels = static_cast<int>(rows);
  if (in.window) {
    layer.kind = LayerKind::convolution;
    layer.kernel = in.window->kernel;
    layer.stride = in.window->stride;
    layer.padding = in.window->padding;
  }
  if (rows > max_dimension || layer.wide_columns() != inputs) {
    refuse(node,
           "multiplies " + std::to_string(layer.wide_columns()) + " values by a matrix for " +
               std::to_string(inputs),
           "as many");
  }
  const Weights weights = weights_of(node, index, static_cast<int>(rows), [&](int64_t i) {
    return static_cast<int>(transposed ? i / inputs : i % rows);
  });
  const int64_t channels = x.shape.channels;
  const int64_t pixels = x.shape.pixels();
  const bool reversed = layer.is_flat() && !x.is_channels_last;  // columns go channel by channel
  layer.weights.resize(weights.integers.size());
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t k = 0; k < inputs; ++k) {
      const int64_t column = reversed ? k % pixels * channels + k / pixels : k;
      layer.weights[static_cast<size_t>(row * inputs + column)] =
          weights.integers[static_cast<size_t>(transposed ? row * inputs + k : k * rows + row)];
    }
  }
  Value result = product(node, x, std::move(layer), weights);
  result.dims = x.dims;
  result.dims.back() = rows;
  if (!on_pixels && !in.window) {
    result.dims = {1, rows};
    result.is_channels_last = false;
  }
  return result;
}

void OnnxImport::read_matmul(const Node& node) {
  Value result = dense(node, value(node, 0), 1, false);
  record(node, "the sums of the next layer");
  set(node, std::move(result));
}

void OnnxImport::read_gemm(const Node& node) {
  if (node.number("alpha", 1) != 1 || node.number("beta", 1) != 1 ||
      node.number("transA", 0) != 0) {
    refuse(node, "alpha, beta or transA", "1, 1 and 0");
  }
  Value result = dense(node, value(node, 0), 1, node.number("transB", 0) != 0);
  add_bias(node, result, 2);
  record(node, "the sums of the next layer");
  set(node, std::move(result));
}

/// clamp(rint(float32(sum) * float32(sx * sw / sy)) + zero point), as ONNX Runtime has it.
void OnnxImport::requantize(const Node& node, const Value& sums, const std::vector<double>& scales,
                            double in_scale, size_t out_scale, size_t out_zero) {
  const auto sx = static_cast<float>(in_scale);
  const auto sy = static_cast<float>(scalar(node, out_scale));
  const int64_t zero = has_input(node, out_zero) ? whole(node, out_zero) : 0;
  const bool is_signed = has_input(node, out_zero) && constant(node, out_zero).is_signed_type;
  const int64_t low = is_signed ? -128 : 0;
  const int64_t high = is_signed ? 127 : 255;
  std::vector<float> factors;
  for (const double scale : scales) {
    factors.push_back(sx * static_cast<float>(scale) / sy);
    if (!(factors.back() > 0) || !std::isfinite(factors.back())) {
      refuse(node, "a scale is not above 0", "positive scales");
    }
  }
  Levels levels;
  levels.base = low - zero;
  levels.format = format_holding(low - zero, high - zero);
  levels.scales = {Rational(1)};
  levels.offset = zero;
  set(node, quantized_by(node, sums, levels, [&](int row, int64_t sum) {
        const float factor = factors[factors.size() == 1 ? 0 : static_cast<size_t>(row)];
        const double rounded =
            std::nearbyint(static_cast<double>(static_cast<float>(sum) * factor));
        const double clamped = std::clamp(rounded, -1e6, 1e6);
        return std::clamp(static_cast<int64_t>(clamped) + zero, low, high) - zero;
      }));
}

/// Integers less their zero point, weights the same.
Value OnnxImport::less_zero(const Node& node, size_t index, size_t zero_index) {
  Value x = value(node, index);
  if (x.source == Source::input) x = raw_levels(node, x);
  if (has_input(node, zero_index)) {
    const Rational zero(whole(node, zero_index));
    for (Line& line : x.lines) line.add(-zero);
  }
  return x;
}

void OnnxImport::check_symmetric(const Node& node, size_t zero_index) const {
  if (!has_input(node, zero_index)) return;
  for (const double zero : constant(node, zero_index).values) {
    if (zero != 0) refuse(node, "has weights with a zero point", "weights symmetric around 0");
  }
}

void OnnxImport::read_qlinear_conv(const Node& node) {
  check_symmetric(node, 5);
  // As a Conv of integers: x, w and the int32 bias.
  Node conv = node;
  const std::string hidden = node.name + " less its zero point";
  values_[hidden] = less_zero(node, 0, 2);
  conv.inputs = {hidden, has_input(node, 3) ? node.inputs[3] : "",
                 has_input(node, 8) ? node.inputs[8] : ""};
  conv.outputs = {node.name + " sums"};
  read_conv(conv);
  builder_.result.nodes.pop_back();
  requantize(node, values_[conv.outputs[0]], constant(node, 4).values, scalar(node, 1), 6, 7);
}

void OnnxImport::read_qlinear_matmul(const Node& node) {
  check_symmetric(node, 5);
  const Value x = less_zero(node, 0, 2);
  const Value sums = dense(node, x, 3, false);
  requantize(node, sums, constant(node, 4).values, scalar(node, 1), 6, 7);
}

}  // namespace stuckat::importing
