// TFLite int8 networks, with the values of TensorFlow Lite Micro's reference kernels. Everything
// that they do between sums and int8 rises with the sum, so that thresholds give it exactly. Inside
// the network a tensor holds q - zero point: what the kernels multiply; what only ADD reads holds
// q.
#include "workloads/import/import_tflite.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "workloads/errors.h"
#include "workloads/import/builder.h"
#include "workloads/import/input_meaning.h"
#include "workloads/import/tflite_arithmetic.h"
#include "workloads/import/tflite_file.h"
#include "workloads/sum_width.h"

namespace stuckat::importing {
namespace {

constexpr int least_code = -128;
constexpr int greatest_code = 127;
constexpr int add_shift = 20;  // of both inputs of ADD before they are rescaled
const char* const known_operators =
    "ADD, AVERAGE_POOL_2D, CONCATENATION, CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, "
    "MAX_POOL_2D, MEAN, PAD, QUANTIZE, RELU, RELU6, RESHAPE, TRANSPOSE of the input, and SOFTMAX "
    "at the end: convert the network to these";

std::string name_of(TfliteType type) {
  switch (type) {
    case TfliteType::float32:
      return "float32";
    case TfliteType::int32:
      return "int32";
    case TfliteType::uint8:
      return "uint8";
    case TfliteType::int64:
      return "int64";
    case TfliteType::int16:
      return "int16";
    case TfliteType::int8:
      return "int8";
  }
  return "of type " + std::to_string(static_cast<int>(type));
}

/// A constant int32 tensor's.
std::vector<int32_t> integers_of(const TfliteTensor& t) {
  std::vector<int32_t> result;
  for (size_t i = 0; i + 4 <= t.bytes; i += 4) {
    uint32_t word = 0;
    for (size_t b = 0; b < 4; ++b) word |= uint32_t{t.data[i + b]} << (8 * b);
    result.push_back(static_cast<int32_t>(word));
  }
  return result;
}

/// Our tensor for one of the file's.
struct LiveTensor {
  int tensor = -1;     // ours; -1: not computed
  int zero_point = 0;  // of the file's q
  int subtracted = 0;  // ours holds q less this: the zero point, or 0 where only tables read it
  float scale = 0;
  Padding padding;              // pixels of real 0 around it that a PAD asks the next layer for
  bool channels_first = false;  // in the file; ours is channels last
};

class TfliteImport {
 public:
  TfliteImport(const std::string& path, const ImportOptions& options)
      : file_(read_tflite(path)),
        options_(options),
        builder_(path),
        values_(file_.tensors.size()) {}

  Imported run() {
    read_input();
    for (size_t i = 0; i < file_.nodes.size(); ++i) {
      if (ended_ && !is_ending(file_.nodes[i])) {
        const TfliteNode& node = file_.nodes[i];
        refuse(node, "follows SOFTMAX or LOGISTIC", "these at the end of the network only");
      }
      read_node(file_.nodes[i]);
    }
    if (file_.outputs.size() != 1) {
      throw InputError(builder_.where(), std::to_string(file_.outputs.size()) + " outputs", "one");
    }
    const LiveTensor& output = values_[static_cast<size_t>(file_.outputs.front())];
    if (output.channels_first) {
      throw InputError(builder_.where(), "a result whose channels are first", "channels last");
    }
    Imported imported = std::move(builder_.result);
    imported.network = builder_.finish(output.tensor, name());
    set_input_map(imported.network);
    store_codes(imported.network, output);
    imported.notes.emplace_back(
        "values are those of TensorFlow Lite Micro's reference kernels (double rounding); kernels "
        "of vendors differ from them on a few of 1,000 images");
    return imported;
  }

 private:
  std::string name() const {
    return options_.name.empty() ? stem_of(builder_.where()) : options_.name;
  }

  // ---- messages

  const std::string& node_name(const TfliteNode& node) const {
    static const std::string none = "?";
    return node.outputs.empty() || node.outputs.front() < 0
               ? none
               : file_.tensors[static_cast<size_t>(node.outputs.front())].name;
  }
  [[noreturn]] void refuse(const TfliteNode& node, const std::string& what,
                           const std::string& remedy) const {
    builder_.refuse(node_name(node), tflite_name(node.code), what, remedy);
  }
  void record(const TfliteNode& node, const std::string& became) {
    builder_.result.nodes.push_back({node_name(node), tflite_name(node.code), became});
  }

  // ---- tensors

  const TfliteTensor& tensor(const TfliteNode& node, const std::vector<int>& list,
                             size_t index) const {
    if (index >= list.size() || list[index] < 0) {
      refuse(node, "lacks a tensor", "a whole file");
    }
    return file_.tensors[static_cast<size_t>(list[index])];
  }
  const TfliteTensor& input(const TfliteNode& node, size_t index) const {
    return tensor(node, node.inputs, index);
  }
  const TfliteTensor& output(const TfliteNode& node) const { return tensor(node, node.outputs, 0); }

  const LiveTensor& in_any_order(const TfliteNode& node, size_t index) const {
    (void)input(node, index);
    const LiveTensor& found = values_[static_cast<size_t>(node.inputs[index])];
    if (found.tensor < 0) {
      refuse(node, "input " + std::to_string(index) + " is not computed by a node before it",
             "an activation there, in a graph without loops");
    }
    return found;
  }
  const LiveTensor& value(const TfliteNode& node, size_t index) const {
    const LiveTensor& found = in_any_order(node, index);
    if (found.channels_first) {
      refuse(node, "reads channels first", "TRANSPOSE back to channels last, or FULLY_CONNECTED");
    }
    return found;
  }
  /// The same without a PAD, for operators that do not pad.
  const LiveTensor& unpadded(const TfliteNode& node, size_t index) const {
    return unpadded(value(node, index), node);
  }
  const LiveTensor& unpadded(const LiveTensor& found, const TfliteNode& node) const {
    if (found.padding != Padding(0)) {
      refuse(node, "reads what PAD made", "PAD before a convolution only");
    }
    return found;
  }

  void set(const TfliteNode& node, LiveTensor result) {
    (void)output(node);
    values_[static_cast<size_t>(node.outputs[0])] = result;
  }

  /// Scale and zero point of an int8 activation.
  LiveTensor quantization(const TfliteNode& node, const TfliteTensor& t) const {
    if (t.type != TfliteType::int8) {
      const std::string remedy = "int8: a network converted to it throughout";
      const std::string what = "tensor '" + t.name + "' is " + name_of(t.type);
      if (node.code < 0) throw InputError(builder_.where(), what, remedy);
      refuse(node, what, remedy);
    }
    if (t.scales.size() != 1 || t.zero_points.size() > 1 || !(t.scales[0] > 0) ||
        !std::isfinite(t.scales[0])) {
      refuse(node, "'" + t.name + "' has no single scale", "one scale above 0 for an activation");
    }
    LiveTensor result;
    result.scale = t.scales[0];
    const int64_t zero = t.zero_points.empty() ? 0 : t.zero_points[0];
    if (zero < least_code || zero > greatest_code) {
      refuse(node, "'" + t.name + "' has zero point " + std::to_string(zero), "-128 to 127");
    }
    result.zero_point = static_cast<int>(zero);
    result.subtracted = result.zero_point;
    return result;
  }
  /// Of a node's output. What is read by ADD alone stays q: its tables know the zero point, and 8
  /// bits hold it.
  LiveTensor output_quantization(const TfliteNode& node) const {
    LiveTensor result = quantization(node, output(node));
    int adds = 0;
    for (const TfliteNode& reader : file_.nodes) {
      if (std::find(reader.inputs.begin(), reader.inputs.end(), node.outputs[0]) ==
          reader.inputs.end()) {
        continue;
      }
      if (reader.operation != TfliteOperator::add) return result;
      ++adds;
    }
    if (adds > 0 && format_of(result).has_zero_point()) result.subtracted = 0;
    return result;
  }

  static NumberFormat format_of(const LiveTensor& value) {
    return format_less_zero_point(least_code, greatest_code, value.subtracted);
  }

  Shape shape_of(const TfliteTensor& t, const TfliteNode* node) const {
    std::vector<int32_t> extents = t.shape;
    if (!extents.empty()) extents.erase(extents.begin());  // the batch
    while (extents.size() > 3 && extents.front() == 1) extents.erase(extents.begin());
    while (extents.size() < 3) extents.insert(extents.begin(), 1);
    bool sane = extents.size() == 3;
    for (const int32_t extent : extents) sane = sane && extent >= 1 && extent <= max_dimension;
    if (!sane || (!t.shape.empty() && t.shape.front() != 1 && t.shape.front() != -1)) {
      const std::string what = "'" + t.name + "' is no single image";
      if (node != nullptr) refuse(*node, what, "a tensor 1 x height x width x channels");
      throw InputError(builder_.where(), what, "a tensor 1 x height x width x channels");
    }
    return {extents[0], extents[1], extents[2]};
  }

  void read_input() {
    if (file_.inputs.size() != 1 || file_.inputs.front() < 0) {
      throw InputError(builder_.where(), std::to_string(file_.inputs.size()) + " inputs", "one");
    }
    input_ = file_.inputs.front();
    // A float input goes through QUANTIZE first: that tensor is our input.
    for (const TfliteNode& node : file_.nodes) {
      if (node.operation == TfliteOperator::quantize && !node.inputs.empty() &&
          node.inputs[0] == input_ && input(node, 0).type == TfliteType::float32) {
        (void)output(node);
        input_ = node.outputs[0];
        record(node, "the input");
        break;
      }
    }
    const TfliteTensor& t = file_.tensors[static_cast<size_t>(input_)];
    const TfliteNode none{
        .operation = {}, .code = -1, .inputs = {}, .outputs = {input_}, .options = {}};
    LiveTensor value = quantization(none, t);
    value.tensor = 0;
    values_[static_cast<size_t>(input_)] = value;
    builder_.set_input(shape_of(t, nullptr), format_of(value));
  }

  /// An int8 input is what a data set holds; a pixel p is p - 128, unless asked for otherwise.
  void set_input_map(Network& network) const {
    const LiveTensor& in = values_[static_cast<size_t>(input_)];
    const int zero = in.subtracted;
    network.input_map = byte_codes([&](int byte) { return byte - zero; });
    InputMap& map = network.input_map;
    const PixelMeaning meaning(options_, network.input().channels, builder_.where());
    const auto code_of = [&](int byte, int channel) {
      if (meaning.is_automatic()) return byte + least_code;
      if (meaning.is_code()) return byte > greatest_code ? byte - 256 : byte;
      const double real = meaning.real(byte, channel);
      const double code = std::round(real / static_cast<double>(in.scale)) + in.zero_point;
      return static_cast<int>(std::clamp<double>(code, least_code, greatest_code));
    };
    map.pixels.clear();
    for (int channel = 0; channel < meaning.channels(); ++channel) {
      for (int byte = 0; byte < 256; ++byte) map.pixels.push_back(code_of(byte, channel) - zero);
    }
  }

  /// The result holds the file's q: nothing multiplies it.
  void store_codes(Network& network, const LiveTensor& output) {
    Layer& last = network.layers.back();
    if (!last.kind->sums) {
      if (output.subtracted != 0) {
        network.class_map.scale.assign(static_cast<size_t>(network.classes()), 1.0);
        network.class_map.offset.assign(static_cast<size_t>(network.classes()), output.subtracted);
      }
      return;
    }
    const std::vector<int32_t> old = std::move(last.thresholds);
    const NumberFormat stored = last.output_format;
    last.output_format = full_format(8);
    last.thresholds.clear();
    for (int row = 0; row < last.rows(); ++row) {
      for (int q = least_code + 1; q <= greatest_code; ++q) {
        const int index = q - output.subtracted - stored.min_level() - 1;
        last.thresholds.push_back(old[static_cast<size_t>(row * stored.thresholds() + index)]);
      }
    }
    validate(network, builder_.where());
  }

  // ---- nodes

  bool is_ending(const TfliteNode& node) const {
    return node.operation == TfliteOperator::dequantize ||
           node.operation == TfliteOperator::reshape || node.operation == TfliteOperator::squeeze;
  }

  void read_node(const TfliteNode& node) {
    switch (node.operation) {
      case TfliteOperator::convolution:
        return convolution(node, false);
      case TfliteOperator::depthwise_convolution:
        return convolution(node, true);
      case TfliteOperator::fully_connected:
        return dense(node);
      case TfliteOperator::add:
        return add(node);
      case TfliteOperator::average_pool:
        return average_pool(node);
      case TfliteOperator::mean:
        return mean(node);
      case TfliteOperator::max_pool:
        return max_pool(node);
      case TfliteOperator::concatenation:
        return concatenation(node);
      case TfliteOperator::pad:
        return pad(node);
      case TfliteOperator::relu:
      case TfliteOperator::relu6:
        return rescale(node, node.operation == TfliteOperator::relu ? 1 : 3);
      case TfliteOperator::quantize:
        if (values_[static_cast<size_t>(node.outputs.empty() ? 0 : node.outputs[0])].tensor == 0) {
          return;  // the input
        }
        return rescale(node, 0);
      case TfliteOperator::dequantize:
        return pass(node, "left out: the result stays int8");
      case TfliteOperator::softmax:
      case TfliteOperator::logistic:
        ended_ = true;
        return pass(node, "left out: the result is what it reads, in the same order");
      case TfliteOperator::reshape:
      case TfliteOperator::squeeze:
      case TfliteOperator::expand_dims:
        return reshape(node);
      case TfliteOperator::transpose:
        return transpose(node);
      case TfliteOperator::shape:
      case TfliteOperator::strided_slice:
      case TfliteOperator::pack:
        return shape_arithmetic(node);
      default:
        break;
    }
    refuse(node, "is not taken", known_operators);
  }

  /// The least and greatest q after a fused activation.
  std::pair<int, int> range(const TfliteNode& node, int activation, const LiveTensor& out) const {
    const auto code = [&](float real) {
      const double q = out.zero_point + static_cast<double>(std::round(real / out.scale));
      return static_cast<int>(std::clamp<double>(q, least_code, greatest_code));
    };
    switch (activation) {
      case 0:
        return {least_code, greatest_code};
      case 1:
        return {code(0.0F), greatest_code};
      case 2:
        return {code(-1.0F), code(1.0F)};
      case 3:
        return {code(0.0F), code(6.0F)};
      default:
        refuse(node, "has activation " + std::to_string(activation), "none, ReLU or ReLU6");
    }
  }

  /// Window, stride and padding of a convolution or pool. Where SAME pads an odd number of pixels,
  /// the odd one lies below and right.
  void set_window(const TfliteNode& node, Layer& layer, const LiveTensor& in) const {
    const TfliteOptions& o = node.options;
    if (o.stride_width < 1 || o.stride_height < 1 || o.stride_width > max_dimension ||
        o.stride_height > max_dimension) {
      refuse(node, "has no stride", "1 or more");
    }
    if (o.dilation_width != 1 || o.dilation_height != 1) {
      refuse(node, "is dilated", "dilation 1");
    }
    layer.stride = {o.stride_height, o.stride_width};
    layer.padding = in.padding;
    if (!o.same_padding) return;
    const auto around = [](int size, int kernel, int stride) {
      const int64_t all = int64_t{(size + stride - 1) / stride - 1} * stride + kernel - size;
      const int padding = static_cast<int>(std::clamp<int64_t>(all, 0, max_dimension));
      return std::pair(padding / 2, padding - padding / 2);
    };
    if (in.padding != Padding(0)) refuse(node, "pads once more what PAD made", "VALID padding");
    const auto [top, bottom] = around(layer.input.height, layer.kernel.height, o.stride_height);
    const auto [left, right] = around(layer.input.width, layer.kernel.width, o.stride_width);
    layer.padding = {top, left, bottom, right};
  }

  /// Weights as they lie in the file, all of them.
  const int8_t* weights(const TfliteNode& node, size_t index, int64_t count) const {
    const TfliteTensor& t = input(node, index);
    if (t.type != TfliteType::int8 || !t.is_constant()) {
      refuse(node, "has no constant int8 weights", "a network converted to int8 throughout");
    }
    if (t.bytes != static_cast<uint64_t>(count)) {
      refuse(node, "has " + std::to_string(t.bytes) + " weights", std::to_string(count));
    }
    for (const int64_t zero : t.zero_points) {
      if (zero != 0) refuse(node, "has weights with a zero point", "weights symmetric around 0");
    }
    return reinterpret_cast<const int8_t*>(t.data);
  }

  std::vector<int32_t> biases(const TfliteNode& node, int rows) const {
    const auto count = static_cast<size_t>(rows);
    if (node.inputs.size() < 3 || node.inputs[2] < 0) return std::vector<int32_t>(count, 0);
    const TfliteTensor& t = input(node, 2);
    if (t.type != TfliteType::int32 || t.bytes != count * 4) {
      refuse(node, "has a bias of " + std::to_string(t.bytes) + " bytes",
             std::to_string(rows) + " constant int32");
    }
    return integers_of(t);
  }

  /// The factor that brings a row's sum to the output's scale.
  TfliteMultiplier multiplier(const TfliteNode& node, const LiveTensor& in, const LiveTensor& out,
                              int row, int rows) const {
    const std::vector<float>& scales = input(node, 1).scales;
    if (scales.size() != 1 && scales.size() != static_cast<size_t>(rows)) {
      refuse(node, std::to_string(scales.size()) + " scales of weights",
             "1 or " + std::to_string(rows));
    }
    const float scale = scales[scales.size() == 1 ? 0 : static_cast<size_t>(row)];
    const double factor =
        static_cast<double>(in.scale) * static_cast<double>(scale) / static_cast<double>(out.scale);
    if (!(factor >= 0) || !std::isfinite(factor)) {
      refuse(node, "a scale of its weights is " + std::to_string(scale), "a positive number");
    }
    return TfliteMultiplier::of(factor);
  }

  /// Thresholds of a layer with weights; appends it.
  void finish_matrix(const TfliteNode& node, Layer layer, const LiveTensor& in) {
    LiveTensor out = output_quantization(node);
    layer.output_format = format_of(out);
    const auto [low, high] = range(node, node.options.activation, out);
    const std::vector<int32_t> bias = biases(node, layer.rows());
    const auto [lowest, highest] = std::minmax_element(bias.begin(), bias.end());
    if (!bias.empty()) check_sums(node, layer, *lowest, *highest);
    for (int row = 0; row < layer.rows(); ++row) {
      const TfliteMultiplier factor = multiplier(node, in, out, row, layer.rows());
      const int64_t offset = bias[static_cast<size_t>(row)];
      search_thresholds(layer, row, [&, low = low, high = high](int64_t sum) {
        const int64_t q = int64_t{factor.apply(sum + offset)} + out.zero_point;
        return std::clamp<int64_t>(q, low, high) - out.subtracted;
      });
    }
    append(node, std::move(layer), out);
  }

  /// With their bias: beyond 32 bits the kernels are undefined.
  void check_sums(const TfliteNode& node, const Layer& layer, int32_t lowest_bias = 0,
                  int32_t highest_bias = 0) const {
    const auto [least, greatest] = layer.kind->sums_between(layer);
    const std::string wide =
        too_wide(least + std::min(0, lowest_bias), greatest + std::max(0, highest_bias));
    if (!wide.empty()) refuse(node, "has " + wide, narrow_sums);
  }

  void append(const TfliteNode& node, Layer layer, LiveTensor out) {
    out.tensor = builder_.add(std::move(layer));
    record(node, in_short(builder_.producer(out.tensor)));
    set(node, out);
  }

  void convolution(const TfliteNode& node, bool depthwise) {
    const LiveTensor in = value(node, 0);
    const TfliteTensor& t = input(node, 1);
    Layer layer = builder_.layer_on(LayerKind::convolution, {in.tensor});
    check_image(node, layer);
    bool sane = t.shape.size() == 4;
    for (const int32_t extent : t.shape) sane = sane && extent >= 1 && extent <= max_dimension;
    if (!sane) refuse(node, "has weights that are no windows", "four dimensions");
    const int rows = depthwise ? t.shape[3] : t.shape[0];
    const int channels = depthwise ? layer.input.channels : t.shape[3];
    layer.kernel = {t.shape[1], t.shape[2]};
    layer.output.channels = rows;
    if (depthwise && (t.shape[0] != 1 || rows % channels != 0)) {
      refuse(node, std::to_string(rows) + " filters on " + std::to_string(channels) + " channels",
             "a multiple of the channels");
    }
    if (channels < 1 || layer.input.channels % channels != 0 ||
        rows % (layer.input.channels / channels) != 0) {
      refuse(node, "weights for " + std::to_string(channels) + " channels",
             "a divisor of its input's " + std::to_string(layer.input.channels));
    }
    layer.groups = depthwise ? channels : layer.input.channels / channels;
    set_window(node, layer, in);
    const int64_t columns = layer.wide_columns();
    const int8_t* const stored = weights(node, 1, columns * rows);
    layer.weights.resize(static_cast<size_t>(columns * rows));
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; ++column) {
        layer.weights[static_cast<size_t>(row * columns + column)] =
            depthwise ? stored[column * rows + row] : stored[row * columns + column];
      }
    }
    layer.weight_format = weight_format_holding(layer.weights, 8, false);
    finish_matrix(node, std::move(layer), in);
  }

  void dense(const TfliteNode& node) {
    const LiveTensor in = unpadded(in_any_order(node, 0), node);
    const TfliteTensor& t = input(node, 1);
    Layer layer = builder_.layer_on(LayerKind::dense, {in.tensor});
    if (t.shape.size() != 2 || t.shape[0] < 1 || t.shape[0] > max_dimension ||
        t.shape[1] != layer.input.size()) {
      refuse(node,
             "has weights of another size than its input's " + std::to_string(layer.input.size()) +
                 " values",
             "rows x inputs");
    }
    layer.output.channels = t.shape[0];
    const int64_t count = layer.wide_columns() * t.shape[0];
    const int8_t* const stored = weights(node, 1, count);
    layer.weights.assign(stored, stored + count);
    if (in.channels_first) put_channels_last(layer);
    layer.weight_format = weight_format_holding(layer.weights, 8, false);
    finish_matrix(node, std::move(layer), in);
  }

  /// Columns that are in the order of channels, then pixels.
  static void put_channels_last(Layer& layer) {
    const std::vector<int8_t> stored = layer.weights;
    const int pixels = layer.input.pixels(), channels = layer.input.channels;
    for (size_t first = 0; first < stored.size(); first += static_cast<size_t>(pixels * channels)) {
      for (int pixel = 0; pixel < pixels; ++pixel) {
        for (int channel = 0; channel < channels; ++channel) {
          layer.weights[first + static_cast<size_t>(pixel * channels + channel)] =
              stored[first + static_cast<size_t>(channel * pixels + pixel)];
        }
      }
    }
  }

  /// Both inputs << 20 and rescaled to twice the greater scale, added, rescaled to the output's.
  void add(const TfliteNode& node) {
    const LiveTensor ins[] = {unpadded(node, 0), unpadded(node, 1)};
    Layer layer = builder_.layer_on(LayerKind::add, {ins[0].tensor, ins[1].tensor});
    if (builder_.shape(ins[1].tensor) != layer.input) {
      refuse(node, "adds " + builder_.shape(ins[1].tensor).text() + " to " + layer.input.text(),
             "one shape");
    }
    const LiveTensor out = output_quantization(node);
    const double twice =
        2 * std::max(static_cast<double>(ins[0].scale), static_cast<double>(ins[1].scale));
    for (const LiveTensor& in : ins) {
      const auto factor = TfliteMultiplier::of(static_cast<double>(in.scale) / twice);
      CodeTable table{builder_.format(in.tensor), {}};
      for (uint32_t code = 0; code < 1U << table.format.bits; ++code) {
        const int64_t from_zero = table.format.value(code) + in.subtracted - in.zero_point;
        table.values.push_back(factor.apply(from_zero * (1 << add_shift)));
      }
      layer.tables.push_back(std::move(table));
    }
    layer.output_format = format_of(out);
    const auto [low, high] = range(node, node.options.activation, out);
    const auto factor =
        TfliteMultiplier::of(twice / ((1 << add_shift) * static_cast<double>(out.scale)));
    check_sums(node, layer);
    same_for_all_rows(layer, [&, low = low, high = high](int64_t sum) {
      return std::clamp<int64_t>(int64_t{factor.apply(sum)} + out.zero_point, low, high) -
             out.subtracted;
    });
    append(node, std::move(layer), out);
  }

  static void same_for_all_rows(Layer& layer, const std::function<int64_t(int64_t)>& level) {
    search_thresholds(layer, 0, level);
    const auto count = static_cast<size_t>(layer.output_format.thresholds());
    for (size_t i = count; i < layer.thresholds.size(); ++i) {
      layer.thresholds[i] = layer.thresholds[i - count];
    }
  }

  /// The mean of the raw q, a tie away from zero; both sides have one zero point.
  void average_pool(const TfliteNode& node) {
    const LiveTensor in = value(node, 0);
    Layer layer = builder_.layer_on(LayerKind::average_pool, {in.tensor});
    set_filter(node, layer, in);
    if (layer.padding != Padding(0)) {
      refuse(node, "pads, so that its windows hold different numbers of pixels", "VALID padding");
    }
    const LiveTensor out = output_quantization(node);
    layer.output_format = format_of(out);
    const auto [low, high] = range(node, node.options.activation, out);
    const int64_t count = int64_t{layer.kernel.height} * layer.kernel.width;
    check_sums(node, layer);
    same_for_all_rows(layer, [&, low = low, high = high](int64_t sum) {
      const int64_t raw = sum + count * in.subtracted;
      const int64_t mean = raw > 0 ? (raw + count / 2) / count : (raw - count / 2) / count;
      return std::clamp<int64_t>(mean, low, high) - out.subtracted;
    });
    append(node, std::move(layer), out);
  }

  /// Constant int32 values of an input.
  std::vector<int32_t> constants(const TfliteNode& node, size_t index) const {
    const TfliteTensor& t = input(node, index);
    if (t.type != TfliteType::int32 || !t.is_constant()) {
      refuse(node, "'" + t.name + "' is not known before it runs", "constant int32 values");
    }
    return integers_of(t);
  }

  /// Over all pixels, with a multiplier that divides.
  void mean(const TfliteNode& node) {
    const LiveTensor in = unpadded(node, 0);
    const auto dimensions = static_cast<int>(input(node, 0).shape.size());
    std::vector<int32_t> axes = constants(node, 1);
    for (int32_t& axis : axes) axis += axis < 0 ? dimensions : 0;
    std::sort(axes.begin(), axes.end());
    if (dimensions != 4 || axes != std::vector<int32_t>{1, 2}) {
      refuse(node, "is no mean over height and width", "axes 1 and 2 of four");
    }
    Layer layer = builder_.layer_on(LayerKind::average_pool, {in.tensor});
    check_image(node, layer);
    layer.kernel = {layer.input.height, layer.input.width};
    const LiveTensor out = output_quantization(node);
    layer.output_format = format_of(out);
    const int64_t count = layer.input.pixels();
    check_sums(node, layer);
    const auto factor =
        TfliteMultiplier::of(static_cast<double>(in.scale) / static_cast<double>(out.scale))
            .over(count);
    same_for_all_rows(layer, [&](int64_t sum) {
      const int64_t from_zero = sum + count * (in.subtracted - in.zero_point);
      return std::clamp<int64_t>(int64_t{factor.apply(from_zero)} + out.zero_point, least_code,
                                 greatest_code) -
             out.subtracted;
    });
    append(node, std::move(layer), out);
  }

  void set_filter(const TfliteNode& node, Layer& layer, const LiveTensor& in) const {
    check_image(node, layer);
    const TfliteOptions& o = node.options;
    if (o.filter_width < 1 || o.filter_height < 1 || o.filter_width > max_dimension ||
        o.filter_height > max_dimension) {
      refuse(node, "has no window", "1 or more pixels");
    }
    layer.kernel = {o.filter_height, o.filter_width};
    if (in.padding != Padding(0)) refuse(node, "reads what PAD made", "PAD before a convolution");
    set_window(node, layer, in);
  }

  void max_pool(const TfliteNode& node) {
    const LiveTensor in = value(node, 0);
    Layer layer = builder_.layer_on(LayerKind::max_pool, {in.tensor});
    set_filter(node, layer, in);
    LiveTensor out = quantization(node, output(node));
    out.subtracted = in.subtracted;
    same_quantization(node, in, out);
    const auto [low, high] = range(node, node.options.activation, out);
    if (low != least_code || high != greatest_code) {
      refuse(node, "clips with its fused activation", "the activation in the layer before it");
    }
    append(node, std::move(layer), out);
  }

  void same_quantization(const TfliteNode& node, const LiveTensor& in,
                         const LiveTensor& out) const {
    if (in.scale == out.scale && in.zero_point == out.zero_point) return;
    refuse(node, "changes scale or zero point",
           "the same on both sides, as TFLite's converter has");
  }

  void concatenation(const TfliteNode& node) {
    const LiveTensor out = quantization(node, output(node));
    std::vector<int> tensors;
    int channels = 0;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const LiveTensor in = unpadded(node, i);
      same_quantization(node, in, out);
      tensors.push_back(in.tensor);
      channels += builder_.shape(in.tensor).channels;
      if (channels > max_dimension) refuse(node, "joins too many channels", "65536 at most");
    }
    const auto dimensions = static_cast<int>(output(node).shape.size());
    if (tensors.size() < 2 || (node.options.axis != -1 && node.options.axis != dimensions - 1)) {
      refuse(node, "joins along axis " + std::to_string(node.options.axis), "channels");
    }
    Layer layer = builder_.layer_on(LayerKind::concat, tensors);
    layer.output.channels = channels;
    append(node, std::move(layer), out);
  }

  /// Rows of (before, after) for each dimension.
  void pad(const TfliteNode& node) {
    LiveTensor in = unpadded(node, 0);
    const std::vector<int32_t> rows = constants(node, 1);
    bool sane = rows.size() == 8;
    for (size_t i = 0; sane && i < 8; ++i) {
      const bool pixel = i >= 2 && i < 6;
      sane = rows[i] >= 0 && rows[i] <= (pixel ? max_dimension : 0);
    }
    if (!sane) refuse(node, "pads something else than pixels", "pixels around an image");
    in.padding = {rows[2], rows[4], rows[3], rows[5]};
    set(node, in);
    record(node, "padding of what follows");
  }

  /// A level of one scale as one of another, element by element.
  void rescale(const TfliteNode& node, int activation) {
    const LiveTensor in = unpadded(node, 0);
    const LiveTensor out = output_quantization(node);
    Layer layer = builder_.layer_on(LayerKind::average_pool, {in.tensor});
    layer.output_format = format_of(out);
    const auto [low, high] = range(node, activation, out);
    const auto factor =
        TfliteMultiplier::of(static_cast<double>(in.scale) / static_cast<double>(out.scale));
    same_for_all_rows(layer, [&, low = low, high = high](int64_t v) {
      const int64_t from_zero = v + in.subtracted - in.zero_point;
      return std::clamp<int64_t>(int64_t{factor.apply(from_zero)} + out.zero_point, low, high) -
             out.subtracted;
    });
    append(node, std::move(layer), out);
  }

  /// The same values in the same order. The input takes on a new shape; of other tensors only what
  /// reads them as a whole may follow: convolution() and pools look.
  void reshape(const TfliteNode& node) {
    const LiveTensor in = unpadded(in_any_order(node, 0), node);
    if (in.tensor == 0 && builder_.layers() == 0) {
      const Shape shape = shape_of(output(node), &node);
      if (int64_t{shape.height} * shape.width * shape.channels != builder_.shape(0).size()) {
        refuse(node, "makes " + shape.text() + " of " + builder_.shape(0).text(),
               "as many elements");
      }
      builder_.set_input(shape, builder_.format(0));
    }
    pass(node, "the same values");
  }

  /// Of an input that is stored channel by channel: its images are pixel by pixel here. Elsewhere
  /// to channels first, for a FULLY_CONNECTED, and back; or where it moves nothing.
  void transpose(const TfliteNode& node) {
    LiveTensor result = unpadded(in_any_order(node, 0), node);
    const std::vector<int32_t> order = constants(node, 1);
    const bool to_last = order == std::vector<int32_t>{0, 2, 3, 1};
    const bool to_first = order == std::vector<int32_t>{0, 3, 1, 2};
    const Shape from = shape_of(input(node, 0), &node);
    const auto extents = {from.height, from.width, from.channels};
    const bool moves =
        std::count_if(extents.begin(), extents.end(), [](int e) { return e > 1; }) > 1;
    if (result.tensor == 0 && builder_.layers() == 0 && to_last) {
      const Shape to{from.width, from.channels, from.height};
      if (shape_of(output(node), &node) != to) {
        refuse(node, "makes another shape of " + from.text(), to.text());
      }
      builder_.set_input(to, builder_.format(0));
    } else if (moves && result.channels_first == to_last && to_last != to_first) {
      result.channels_first = to_first;
    } else if (moves) {
      refuse(node, "moves elements inside the network",
             "channels last, but from a channels-first input or to a FULLY_CONNECTED");
    }
    set(node, result);
    record(node, "channels last throughout");
  }

  /// What makes the shape for a RESHAPE: that of its output is known.
  void shape_arithmetic(const TfliteNode& node) {
    if (output(node).type != TfliteType::int32) refuse(node, "is not taken", known_operators);
    record(node, "left out: shapes are known");
  }

  /// Windows move over the image that the file means.
  void check_image(const TfliteNode& node, const Layer& layer) const {
    const Shape meant = shape_of(input(node, 0), &node);
    const Padding& p = values_[static_cast<size_t>(node.inputs[0])].padding;
    const Shape unpadded_shape{meant.height - p.top - p.bottom, meant.width - p.left - p.right,
                               meant.channels};
    if (unpadded_shape == layer.input) return;
    refuse(node, "reads " + meant.text() + " where " + layer.input.text() + " is computed",
           "an image as the layer before it makes it");
  }

  void pass(const TfliteNode& node, const std::string& became) {
    const LiveTensor in = unpadded(in_any_order(node, 0), node);
    set(node, in);
    record(node, became);
  }

  TfliteFile file_;
  ImportOptions options_;
  Builder builder_;
  std::vector<LiveTensor> values_;  // [file_.tensors]
  int input_ = -1;                  // the file's tensor that is our tensor 0
  bool ended_ = false;
};

}  // namespace

bool is_tflite(const std::string& path) {
  const std::vector<uint8_t> head = first_bytes(path, 8);
  return head.size() == 8 && std::memcmp(head.data() + 4, "TFL3", 4) == 0;
}

Imported import_tflite(const std::string& path, const ImportOptions& options) {
  return TfliteImport(path, options).run();
}

}  // namespace stuckat::importing
