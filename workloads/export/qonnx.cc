#include "workloads/export/qonnx.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "workloads/dataset.h"
#include "workloads/errors.h"
#include "workloads/export/onnx_writer.h"
#include "workloads/reference.h"

namespace stuckat {
namespace {

using Ints = OnnxWriter::Ints;

constexpr const char* domain = "qonnx.custom_op.general";
constexpr int most_exact = 1 << 24;     // integers that float32 holds
constexpr int most_averaged = 1 << 21;  // sums whose mean still tells them from their neighbours

/// As QONNX writes it.
std::string datatype(const NumberFormat& format) {
  if (format.kind == FormatKind::binary) return "BIPOLAR";
  const bool is_unsigned = format.kind == FormatKind::unsigned_;
  return (is_unsigned ? "UINT" : "INT") + std::to_string(format.operand_bits());
}

Ints pads_of(const Padding& p) { return {p.top, p.left, p.bottom, p.right}; }

class Exporter {
 public:
  Exporter(const Network& network, std::string where)
      : network_(network),
        where_(std::move(where)),
        tensors_(static_cast<size_t>(network.tensors())) {}

  QonnxFile run() {
    read_image();
    for (size_t i = 0; i < network_.layers.size(); ++i) add_layer(static_cast<int>(i));
    finish();
    return {writer_.bytes(network_.name), std::move(notes_)};
  }

 private:
  /// A tensor in the file: [1, channels, height, width], or flat [1, channels].
  struct Named {
    std::string name;
    bool is_flat = false;
  };
  using Emit = Named (Exporter::*)(const Layer&, const std::string& name);
  struct Row {
    LayerKind kind;
    Emit emit;  // sums, or the output where the kind has no sums
  };

  static const std::vector<Row>& rows() {
    static const std::vector<Row> all = {{LayerKind::convolution, &Exporter::convolve},
                                         {LayerKind::dense, &Exporter::multiply},
                                         {LayerKind::max_pool, &Exporter::pool},
                                         {LayerKind::average_pool, &Exporter::average},
                                         {LayerKind::add, &Exporter::add},
                                         {LayerKind::concat, &Exporter::concat}};
    return all;
  }

  [[noreturn]] void refuse(const Layer& layer, const std::string& what,
                           const std::string& expected) const {
    throw InputError(where_, layer.name + ": " + what, expected);
  }

  const Named& tensor(int number) const { return tensors_[static_cast<size_t>(number)]; }

  /// With an own name for what a node gives.
  std::string fresh(const std::string& name) { return name + "_" + std::to_string(++made_); }

  std::string scalar(float value) {
    std::string name = fresh("scalar");
    writer_.scalar(name, value);
    return name;
  }

  // The input.

  /// What each byte becomes in a channel: [256] from `first` on; empty if tensor 0 is the input.
  std::vector<int32_t> table_of(int channel, int& first) const {
    const InputMap& map = network_.input_map;
    first = 0;
    if (!map.pixels.empty()) {
      const size_t at = map.pixels.size() == 256 ? 0 : static_cast<size_t>(channel) * 256;
      const auto from = map.pixels.begin() + static_cast<std::ptrdiff_t>(at);
      return {from, from + 256};
    }
    if (!map.integers.empty()) {
      first = -128;
      return map.integers;
    }
    const NumberFormat format = network_.layers.front().input_format;
    if (format != binary_format && format != fixed_point_format) return {};
    std::vector<int32_t> table;
    for (int p = 0; p < 256; ++p) {
      const auto pixel = static_cast<uint8_t>(p);
      table.push_back(input_tensor(Shape{}, format, &pixel, Shape{}, where_).values.front());
    }
    return table;
  }

  void read_image() {
    const Shape shape = network_.input();
    const NumberFormat format = network_.layers.front().input_format;
    writer_.input("image", {1, shape.channels, shape.height, shape.width});
    tensors_[0] = {"image", false};
    std::vector<std::vector<int32_t>> tables;
    int first = 0;
    for (int c = 0; c < shape.channels; ++c) tables.push_back(table_of(c, first));
    if (tables.front().empty()) {
      notes_.push_back("'image' takes the integers of " + format.name() + " themselves");
      return;
    }
    if (first < 0) notes_.push_back("'image' takes integers from -128 to 127");
    int low = INT32_MAX;
    int high = INT32_MIN;
    for (const auto& table : tables) {
      if (!std::is_sorted(table.begin(), table.end())) {
        refuse(network_.layers.front(), "what pixels become falls while they rise",
               "an input that rises with its pixels");
      }
      low = std::min(low, table.front());
      high = std::max(high, table.back());
    }
    const int step = format.kind == FormatKind::binary ? 2 : 1;
    std::vector<double> thresholds;
    for (const auto& table : tables) {
      for (int level = low + step; level <= high; level += step) {
        const auto reached = std::lower_bound(table.begin(), table.end(), level) - table.begin();
        // Where the first byte reaches it, so does all that may come; one that none reaches is 256.
        thresholds.push_back(static_cast<double>(first + (reached == 0 ? -1 : reached)));
      }
    }
    const int count = (high - low) / step;
    tensors_[0].name = "input";
    quantize("image", "input", thresholds, {shape.channels, count}, format, low);
  }

  /// Counts the thresholds that are not above a value: from `low` on, level by level.
  void quantize(const std::string& from, const std::string& name,
                const std::vector<double>& thresholds, const Ints& dims, const NumberFormat& format,
                int low, bool wide = false) {
    if (wide) {
      writer_.doubles(name + "_thresholds", dims, thresholds);
    } else {
      writer_.floats(name + "_thresholds", dims, {thresholds.begin(), thresholds.end()});
    }
    const bool binary = format.kind == FormatKind::binary;
    writer_.node(
        "MultiThreshold", {from, name + "_thresholds"}, name,
        {.texts = {{"out_dtype", datatype(format)}, {"data_layout", "NCHW"}},
         .reals = {{"out_scale", binary ? 2.0F : 1.0F}, {"out_bias", static_cast<float>(low)}}},
        domain);
  }

  // Layers.

  void add_layer(int index) {
    const Layer& layer = network_.layer(index);
    const auto row = std::find_if(rows().begin(), rows().end(),
                                  [&](const Row& r) { return r.kind == layer.kind; });
    if (row == rows().end()) {
      refuse(layer, std::string("QONNX has no operator for ") + layer.kind->label,
             "layers of the built-in kinds");
    }
    if (layer.kind->sums) check_sums(layer);
    const bool last = index + 1 == static_cast<int>(network_.layers.size());
    const std::string result = last && network_.class_map.empty() ? "scores" : layer.name;
    const bool levels = layer.thresholds_per_row() > 0;
    Named made = (this->*row->emit)(layer, levels ? layer.name + "_sums" : result);
    if (levels) {
      threshold(layer, made.name, result);
      made.name = result;
    }
    tensors_[static_cast<size_t>(Network::output_tensor(index))] = made;
  }

  /// The greatest that a sum, or a part of it in any order, can be.
  static int64_t greatest_sum(const Layer& layer) {
    const auto [low, high] = layer.kind->sums_between(layer);
    if (!layer.has_weights()) return std::max(std::abs(low), std::abs(high));
    const NumberFormat format = layer.input_format;
    int64_t greatest = 0;
    for (int row = 0; row < layer.rows(); ++row) {
      int64_t least_parts = 0;
      int64_t greatest_parts = 0;
      for (int column = 0; column < layer.columns(); ++column) {
        const int weight = layer.weight_row(row)[column];
        const auto [least, most] =
            std::minmax({weight * format.min_value(), weight * format.max_level(), 0});
        least_parts += least;
        greatest_parts += most;
      }
      greatest = std::max({greatest, -least_parts, greatest_parts});
    }
    return greatest;
  }

  void check_sums(const Layer& layer) const {
    const int64_t most = layer.kind == LayerKind::average_pool ? most_averaged : most_exact;
    const int64_t greatest = greatest_sum(layer);
    if (greatest <= most || is_wide(layer)) return;
    refuse(layer, "sums up to " + std::to_string(greatest) + " are not exact in float32",
           "at most " + std::to_string(most));
  }

  /// Its branches are added in float64, which standard operators do, and FINN does not.
  static bool is_wide(const Layer& layer) {
    if (layer.kind != LayerKind::add || layer.accumulator_output) return false;
    return greatest_sum(layer) > most_exact;
  }

  std::string cast(const std::string& from, int type) {
    std::string name = fresh(from);
    writer_.node("Cast", {from}, name, {.ints = {{"to", {type}}}});
    return name;
  }

  /// Ours count thresholds that are strictly below a sum, QONNX those that are not above it.
  void threshold(const Layer& layer, const std::string& sums, const std::string& name) {
    std::vector<double> thresholds;
    const int area = layer.kernel.height * layer.kernel.width;
    const int columns = layer.is_xnor() ? layer.columns() : 0;
    for (const int32_t t : layer.thresholds) {
      const int64_t reached = int64_t{t} + 1;
      if (layer.kind == LayerKind::average_pool) {  // half a sum below: a mean is rounded
        thresholds.push_back((static_cast<double>(reached) - 0.5) / area);
      } else {  // signed sum = 2 * matches - columns
        thresholds.push_back(
            static_cast<double>(layer.is_xnor() ? 2 * reached - columns : reached));
      }
    }
    const bool wide = is_wide(layer);
    const std::string levels = wide ? fresh(name) : name;
    quantize(sums, levels, thresholds, {layer.rows(), layer.thresholds_per_row()},
             layer.output_format, layer.output_format.min_level(), wide);
    if (wide) writer_.node("Cast", {levels}, name, {.ints = {{"to", {onnx_type::float32}}}});
  }

  std::string spatial(int number) {
    const Named& t = tensor(number);
    if (!t.is_flat) return t.name;
    const Shape shape = network_.shape(number);
    return reshaped(t.name, {1, shape.channels, shape.height, shape.width});
  }

  std::string reshaped(const std::string& from, const Ints& dims) {
    const std::string name = fresh(from);
    writer_.int64s(name + "_shape", {static_cast<int64_t>(dims.size())}, dims);
    writer_.node("Reshape", {from, name + "_shape"}, name);
    return name;
  }

  /// [1, elements] in our order: pixels, then channels.
  std::string flat(int number) {
    const Named& t = tensor(number);
    if (t.is_flat) return t.name;
    const Shape shape = network_.shape(number);
    std::string name = t.name;
    if (shape.pixels() > 1 && shape.channels > 1) {
      const std::string from = std::exchange(name, fresh(t.name));
      writer_.node("Transpose", {from}, name, {.ints = {{"perm", {0, 2, 3, 1}}}});
    }
    return reshaped(name, {1, shape.size()});
  }

  /// The weights, integers, as their quantizer gives them.
  std::string quantized_weights(const Layer& layer, const Ints& dims,
                                const std::vector<float>& values) {
    const std::string name = layer.name + "_weights";
    writer_.floats(name + "_values", dims, values);
    const NumberFormat format = layer.weight_format;
    if (format.kind == FormatKind::binary) {
      writer_.node("BipolarQuant", {name + "_values", scalar(1)}, name, {}, domain);
      return name;
    }
    const bool is_signed = format.kind != FormatKind::unsigned_;
    const bool narrow = format.kind == FormatKind::signed_narrow;
    writer_.node("Quant",
                 {name + "_values", scalar(1), scalar(0), scalar(static_cast<float>(format.bits))},
                 name,
                 {.ints = {{"signed", {is_signed ? 1 : 0}}, {"narrow", {narrow ? 1 : 0}}},
                  .texts = {{"rounding_mode", "ROUND"}}},
                 domain);
    return name;
  }

  OnnxAttributes window_of(const Layer& layer, const Padding& padding) const {
    return {.ints = {{"kernel_shape", {layer.kernel.height, layer.kernel.width}},
                     {"strides", {layer.stride.height, layer.stride.width}},
                     {"pads", pads_of(padding)}}};
  }

  Named convolve(const Layer& layer, const std::string& name) {
    std::string input = spatial(layer.inputs[0]);
    Padding padding = layer.padding;
    const int around = layer.input_format.padding_value();
    if (padding != Padding(0) && around != 0) {
      const std::string from = std::exchange(input, fresh(layer.name + "_padded"));
      writer_.int64s(input + "_pads", {8},
                     {0, 0, padding.top, padding.left, 0, 0, padding.bottom, padding.right});
      writer_.node("Pad", {from, input + "_pads", scalar(static_cast<float>(around))}, input,
                   {.texts = {{"mode", "constant"}}});
      padding = {};
    }
    const int channels = layer.group_channels();
    const Extent kernel = layer.kernel;
    std::vector<float> weights;
    for (int row = 0; row < layer.rows(); ++row) {
      const int8_t* ours = layer.weight_row(row);  // [ky][kx][channel]
      for (int c = 0; c < channels; ++c) {
        for (int k = 0; k < kernel.height * kernel.width; ++k) {
          weights.push_back(static_cast<float>(ours[k * channels + c]));
        }
      }
    }
    const std::string w =
        quantized_weights(layer, {layer.rows(), channels, kernel.height, kernel.width}, weights);
    OnnxAttributes attributes = window_of(layer, padding);
    attributes.ints.push_back({"group", {layer.groups}});
    writer_.node("Conv", {input, w}, name, attributes);
    return {name, false};
  }

  Named multiply(const Layer& layer, const std::string& name) {
    const std::string input = flat(layer.inputs[0]);
    std::vector<float> weights;  // [columns][rows]
    for (int column = 0; column < layer.columns(); ++column) {
      for (int row = 0; row < layer.rows(); ++row) {
        weights.push_back(static_cast<float>(layer.weight_row(row)[column]));
      }
    }
    const std::string w = quantized_weights(layer, {layer.columns(), layer.rows()}, weights);
    writer_.node("MatMul", {input, w}, name);
    return {name, true};
  }

  Named pool(const Layer& layer, const std::string& name) {
    writer_.node("MaxPool", {spatial(layer.inputs[0])}, name, window_of(layer, layer.padding));
    return {name, false};
  }

  Named average(const Layer& layer, const std::string& name) {
    OnnxAttributes attributes = window_of(layer, layer.padding);
    attributes.ints.push_back({"count_include_pad", {1}});
    writer_.node("AveragePool", {spatial(layer.inputs[0])}, name, attributes);
    if (layer.accumulator_output) {
      notes_.push_back(layer.name + " gives means, not sums: the order of the classes is the same");
    }
    return {name, false};
  }

  Named concat(const Layer& layer, const std::string& name) {
    std::vector<std::string> parts;
    for (const int input : layer.inputs) parts.push_back(spatial(input));
    writer_.node("Concat", parts, name, {.ints = {{"axis", {1}}}});
    return {name, false};
  }

  Named add(const Layer& layer, const std::string& name) {
    const bool is_flat = std::all_of(layer.inputs.begin(), layer.inputs.end(),
                                     [&](int input) { return tensor(input).is_flat; });
    std::string sum;
    for (size_t k = 0; k < layer.inputs.size(); ++k) {
      const int input = layer.inputs[k];
      const std::string branch =
          by_table(layer.tables[k], is_flat ? tensor(input).name : spatial(input), layer);
      if (k == 0) {
        sum = branch;
        continue;
      }
      const bool last = k + 1 == layer.inputs.size();
      const std::string left = std::exchange(sum, last ? name : fresh(layer.name));
      writer_.node("Add", {left, branch}, sum);
    }
    return {sum, is_flat};
  }

  /// A scale and an offset where the table is a line, else looked up.
  std::string by_table(const CodeTable& table, const std::string& from, const Layer& layer) {
    std::vector<std::pair<int, int32_t>> points;  // value, what becomes of it
    for (uint32_t code = 0; code < table.values.size(); ++code) {
      points.emplace_back(table.format.value(code), table.values[code]);
    }
    std::sort(points.begin(), points.end());
    const auto [first, at_first] = points.front();
    const double slope =
        static_cast<double>(points[1].second - at_first) / (points[1].first - first);
    const double offset = at_first - slope * first;
    const bool line = std::all_of(points.begin(), points.end(), [slope, offset](const auto& point) {
      return slope * point.first + offset == point.second;
    });
    const std::string name = layer.name + "_branch";
    if (line && !is_wide(layer)) {
      return plus(slope == 1 ? from : two("Mul", from, scalar(static_cast<float>(slope)), name),
                  offset, name);
    }
    std::string index = plus(from, -first, name);  // values of codes follow each other
    if (table.format.kind == FormatKind::binary) {
      index = two("Mul", index, scalar(0.5F), name);
    }
    const std::string table_name = fresh(name + "_table");
    std::vector<double> values;
    values.reserve(points.size());
    for (const auto& point : points) values.push_back(point.second);
    const Ints dims = {static_cast<int64_t>(values.size())};
    if (is_wide(layer)) {
      writer_.doubles(table_name, dims, values);
    } else {
      writer_.floats(table_name, dims, {values.begin(), values.end()});
    }
    return two("Gather", table_name, cast(index, onnx_type::int64), name);
  }

  std::string two(const char* operation, const std::string& left, const std::string& right,
                  const std::string& name) {
    std::string result = fresh(name);
    writer_.node(operation, {left, right}, result);
    return result;
  }

  std::string plus(const std::string& from, double offset, const std::string& name) {
    return offset == 0 ? from : two("Add", from, scalar(static_cast<float>(offset)), name);
  }

  // The result.

  void finish() {
    const Layer& last = network_.layers.back();
    const Named& result = tensors_.back();
    const bool is_flat = result.is_flat;
    if (!network_.class_map.empty()) {
      const auto floats = [](const std::vector<double>& values) {
        return std::vector<float>(values.begin(), values.end());
      };
      const Ints dims = is_flat ? Ints{1, last.rows()} : Ints{1, last.rows(), 1, 1};
      writer_.floats("class_scale", dims, floats(network_.class_map.scale));
      writer_.floats("class_offset", dims, floats(network_.class_map.offset));
      writer_.node("Mul", {result.name, "class_scale"}, "scaled_scores");
      writer_.node("Add", {"scaled_scores", "class_offset"}, "scores");
      notes_.emplace_back("the scale and offset of each class are rounded to float32");
    }
    const Shape shape = last.output;
    writer_.output("scores", is_flat ? Ints{1, shape.channels}
                                     : Ints{1, shape.channels, shape.height, shape.width});
    if (!network_.output_thresholds.empty()) {
      notes_.emplace_back(
          "the hardware's output bits are left out: the class is that of the "
          "greatest score");
    }
    std::string classes;
    for (const std::string& c : network_.class_names) classes += (classes.empty() ? "" : ",") + c;
    if (!classes.empty()) writer_.note("classes", classes);
    if (!network_.data.empty()) writer_.note("data", network_.data);
  }

  const Network& network_;
  std::string where_;
  OnnxWriter writer_;
  std::vector<Named> tensors_;
  std::vector<std::string> notes_;
  int made_ = 0;
};

}  // namespace

QonnxFile to_qonnx(const Network& network, const std::string& where) {
  return Exporter(network, where).run();
}

}  // namespace stuckat
