#include "workloads/import/onnx_import.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "workloads/errors.h"
#include "workloads/import/import_onnx.h"
#include "workloads/import/input_meaning.h"

namespace stuckat::importing {

/// The operators by name; their domain is not looked at: five are in use for one of them. FINN's
/// backends and its older "_Batch" are taken off first.
const std::vector<OnnxImport::Row>& OnnxImport::rows() {
  using I = OnnxImport;
  static const std::vector<Row> table = {
      // QONNX
      {"Quant", &I::read_quant},
      {"IntQuant", &I::read_quant},
      {"BipolarQuant", &I::read_bipolar_quant},
      {"MultiThreshold", &I::read_multi_threshold},
      {"Trunc", &I::read_trunc},
      {"QuantAvgPool2d", &I::read_quant_average_pool},
      {"Im2Col", &I::read_im2col},
      // ONNX with QuantizeLinear, and its integer operators
      {"QuantizeLinear", &I::read_quantize_linear},
      {"DequantizeLinear", &I::read_dequantize_linear},
      {"QLinearConv", &I::read_qlinear_conv},
      {"QLinearMatMul", &I::read_qlinear_matmul},
      // Deeploy
      {"RequantShift", &I::read_requant_shift},
      // matrices
      {"Conv", &I::read_conv},
      {"MatMul", &I::read_matmul},
      {"Gemm", &I::read_gemm},
      // element by element
      {"Mul", &I::read_mul},
      {"Div", &I::read_div},
      {"Add", &I::read_add},
      {"Sub", &I::read_sub},
      {"Neg", &I::read_neg},
      {"BatchNormalization", &I::read_batch_norm},
      {"Relu", &I::read_relu},
      {"Clip", &I::read_clip},
      // pools
      {"MaxPool", &I::read_max_pool},
      {"AveragePool", &I::read_average_pool},
      {"GlobalAveragePool", &I::read_global_average_pool},
      {"ReduceMean", &I::read_global_average_pool},
      {"Concat", &I::read_concat},
      {"Pad", &I::read_pad},
      // the same values
      {"Reshape", &I::read_reshape},
      {"Flatten", &I::read_reshape},
      {"Squeeze", &I::read_reshape},
      {"Unsqueeze", &I::read_reshape},
      {"Transpose", &I::read_transpose},
      {"Identity", &I::read_identity},
      {"Cast", &I::read_identity},
      {"Dropout", &I::read_identity},
      // the end
      {"Softmax", &I::read_ending},
      {"LogSoftmax", &I::read_ending},
      {"Sigmoid", &I::read_ending},
      {"TopK", &I::read_ending},
      {"ArgMax", &I::read_ending},
      {"LabelSelect", &I::read_ending},
      // FINN
      {"MVAU", &I::read_mvau},
      {"MatrixVectorActivation", &I::read_mvau},
      {"StreamingFCLayer", &I::read_mvau},
      {"VVAU", &I::read_vvau},
      {"VectorVectorActivation", &I::read_vvau},
      {"Thresholding", &I::read_thresholding},
      {"ConvolutionInputGenerator", &I::read_window},
      {"FMPadding", &I::read_fm_padding},
      {"DuplicateStreams", &I::read_duplicate},
      {"AddStreams", &I::read_add_streams},
      {"StreamingMaxPool", &I::read_streaming_max_pool},
      {"MaxPoolNHWC", &I::read_max_pool_nhwc},
      {"GlobalAccPool", &I::read_global_acc_pool},
      {"XnorPopcountMatMul", &I::read_xnor_matmul},
      {"StreamingConcat", &I::read_concat},
      {"StreamingFIFO", &I::read_pass},
      {"StreamingDataWidthConverter", &I::read_pass},
  };
  return table;
}

namespace {

std::string without_suffix(const std::string& name, const std::string& suffix) {
  return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
}

std::string plain_operation(const std::string& operation) {
  return without_suffix(without_suffix(without_suffix(operation, "_hls"), "_rtl"), "_Batch");
}

}  // namespace

OnnxImport::OnnxImport(const std::string& path, const ImportOptions& options)
    : file_(read_onnx(path)), options_(options), builder_(path) {
  for (const auto& [name, tensor] : file_.initializers) {
    Constant constant;
    constant.dims = tensor.dims;
    constant.values = tensor.values;
    constant.is_integer = tensor.is_integer();
    constant.is_double = tensor.type == onnx_type::float64;
    constant.is_signed_type = tensor.is_signed();
    values_[name].constant = std::make_shared<const Constant>(std::move(constant));
  }
  file_.initializers.clear();
  for (size_t i = 0; i < file_.nodes.size(); ++i) {
    for (const std::string& input : file_.nodes[i].inputs) readers_[input].push_back(i);
  }
}

Imported OnnxImport::run() {
  read_interface();
  for (const Node& node : file_.nodes) read_node(node);
  finish();
  return std::move(builder_.result);
}

void OnnxImport::read_interface() {
  if (file_.inputs.size() != 1 || file_.outputs.size() != 1) {
    throw InputError(builder_.where(),
                     std::to_string(file_.inputs.size()) + " inputs and " +
                         std::to_string(file_.outputs.size()) + " outputs",
                     "one of both");
  }
  const OnnxInterface& input = file_.inputs.front();
  Value value;
  value.source = Source::input;
  value.dims = input.dims;
  if (!value.dims.empty() && value.dims.front() < 1) value.dims.front() = 1;
  bool sane = value.dims.size() >= 2 && value.dims.size() <= 4 && value.dims.front() == 1;
  int64_t size = 1;
  for (const int64_t extent : value.dims) {
    sane = sane && extent >= 1 && extent <= max_dimension;
    if (sane) size *= extent;
    sane = sane && size <= int64_t{1} << 28;
  }
  if (!sane) {
    throw InputError(builder_.where(), "input '" + input.name + "' has no sizes or several images",
                     "1 x channels x height x width, or 1 x values, all of them said");
  }
  const auto at = [&](size_t i) { return static_cast<int>(value.dims[i]); };
  const auto read = readers_.find(input.name);
  const bool turned =
      read != readers_.end() && read->second.size() == 1 &&
      file_.nodes[read->second[0]].operation == "Transpose" &&
      file_.nodes[read->second[0]].integers("perm") == std::vector<int64_t>{0, 3, 1, 2};
  value.is_channels_last =
      value.dims.size() == 4 && (turned || file_.channels_last.count(input.name) > 0);
  if (value.dims.size() == 2) value.shape = {1, 1, at(1)};
  if (value.dims.size() == 3) value.shape = {at(2), 1, at(1)};
  if (value.dims.size() == 4) {
    value.shape = value.is_channels_last ? Shape{at(1), at(2), at(3)} : Shape{at(2), at(3), at(1)};
  }
  values_[input.name] = std::move(value);
}

void OnnxImport::read_node(const Node& node) {
  if (fold(node)) return;
  const std::string operation = plain_operation(node.operation);
  for (const Row& row : rows()) {
    if (operation != row.operation) continue;
    (this->*row.read)(node);
    return;
  }
  std::string known;
  for (const Row& row : rows()) known += (known.empty() ? "" : ", ") + std::string(row.operation);
  refuse(node, "is not taken", "a network of " + known);
}

void OnnxImport::finish() {
  const auto found = values_.find(file_.outputs.front().name);
  if (found == values_.end() || found->second.is_constant() ||
      found->second.source == Source::input) {
    throw InputError(builder_.where(),
                     "output '" + file_.outputs.front().name + "' is not computed from the input",
                     "a whole graph");
  }
  Value& result = found->second;
  if (result.source == Source::sums) {
    if (!result.addends.empty()) {
      throw InputError(builder_.where(), "ends with an add of unlike scales",
                       "a quantizer after it");
    }
    Layer layer = *result.layer;
    layer.accumulator_output = true;
    result.tensor = builder_.add(std::move(layer));
  }
  Imported& imported = builder_.result;
  const std::string name = options_.name.empty() ? stem_of(builder_.where()) : options_.name;
  imported.network = builder_.finish(result.tensor, name);
  imported.network.input_map = input_map_;
  set_class_map(result);
  validate(imported.network, builder_.where());
  if (is_close_) {
    imported.notes.emplace_back(
        "a threshold lies within 1e-9 of an integer, where the root of a variance was rounded to "
        "64 bits: other programs may decide that tie otherwise");
  }
}

/// What the result's integers mean, where their order is not that of the meaning.
void OnnxImport::set_class_map(const Value& value) {
  Network& network = builder_.result.network;
  const auto same = [&](const Line& line) {
    return line.slope == value.lines[0].slope && line.offset == value.lines[0].offset;
  };
  for (const Line& line : value.lines) {
    if (!line.low && !line.high) continue;
    builder_.result.notes.emplace_back("the clip at the end is left out: classes tie less often");
    break;
  }
  if (value.lines[0].slope > 0 && std::all_of(value.lines.begin(), value.lines.end(), same)) return;
  for (int c = 0; c < network.classes(); ++c) {
    network.class_map.scale.push_back(nearest(value.line(c).slope));
    network.class_map.offset.push_back(nearest(value.line(c).offset));
  }
}

void OnnxImport::refuse(const Node& node, const std::string& what,
                        const std::string& remedy) const {
  builder_.refuse(node.name, node.operation, what, remedy);
}

void OnnxImport::record(const Node& node, const std::string& became) {
  builder_.result.nodes.push_back({node.name, node.operation, became});
}

bool OnnxImport::has_input(const Node& node, size_t index) const {
  return index < node.inputs.size() && !node.inputs[index].empty();
}

const Value& OnnxImport::value(const Node& node, size_t index) const {
  if (!has_input(node, index)) {
    refuse(node, "lacks input " + std::to_string(index), "a whole file");
  }
  const auto found = values_.find(node.inputs[index]);
  if (found == values_.end()) {
    refuse(node, "reads '" + node.inputs[index] + "', which no node before it makes",
           "nodes in the order of the data");
  }
  if (!ended_.empty() && !found->second.is_constant() && node.operation != "Identity" &&
      node.operation != "TopK" && node.operation != "ArgMax" && node.operation != "Reshape" &&
      node.operation != "Flatten" && node.operation != "Squeeze") {
    refuse(node, "follows '" + ended_ + "', which ends the network", "that at the end only");
  }
  return found->second;
}

const Constant& OnnxImport::constant(const Node& node, size_t index) const {
  const Value& found = value(node, index);
  if (!found.is_constant()) {
    refuse(node,
           "input " + std::to_string(index) + " ('" + node.inputs[index] +
               "') is computed from the network's input",
           "a constant there");
  }
  return *found.constant;
}

double OnnxImport::scalar(const Node& node, size_t index) const {
  const Constant& found = constant(node, index);
  if (found.size() != 1 || !std::isfinite(found.values[0])) {
    refuse(node,
           "input " + std::to_string(index) + " has " + std::to_string(found.size()) + " values",
           "one number");
  }
  return found.values[0];
}

int64_t OnnxImport::whole(const Node& node, size_t index) const {
  const double number = scalar(node, index);
  if (number != std::floor(number) || std::abs(number) > 1e9) {
    refuse(node, "input " + std::to_string(index) + " is " + std::to_string(number),
           "a whole number");
  }
  return static_cast<int64_t>(number);
}

void OnnxImport::set(const Node& node, Value result, size_t output) {
  if (output >= node.outputs.size()) refuse(node, "has no output", "a whole file");
  values_[node.outputs[output]] = std::move(result);
}

Rational OnnxImport::real(const Node& node, double number) const {
  if (!std::isfinite(number)) refuse(node, "has a parameter that is no finite number", "one");
  return exact(number);
}

void OnnxImport::spread(Value& value) {
  if (value.lines.size() > 1) return;
  value.lines.resize(static_cast<size_t>(value.shape.channels), value.lines[0]);
}

std::vector<Rational> OnnxImport::per_channel(const Node& node, const Value& value,
                                              const Constant& constant) const {
  if (constant.size() < 1) refuse(node, "has an empty parameter", "numbers");
  const std::vector<double>& values = constant.values;
  if (std::all_of(values.begin(), values.end(), [&](double v) { return v == values[0]; })) {
    return {real(node, values[0])};
  }
  // The one dimension that is not 1, counted from the last.
  size_t from_last = 0;
  size_t wide = 0;
  for (size_t i = 0; i < constant.dims.size(); ++i) {
    if (constant.dims[i] == 1) continue;
    ++wide;
    from_last = constant.dims.size() - i;
  }
  const auto rank = value.dims.size();
  const bool fits = wide == 1 && from_last <= rank &&
                    value.dims[rank - from_last] == constant.size() &&
                    constant.size() == value.shape.channels;
  const bool last = from_last == 1;
  const bool second = rank - from_last == 1;
  const bool is_channel = value.shape.pixels() == 1 || (value.is_channels_last ? last : second);
  if (!fits || !is_channel) {
    refuse(node,
           "a parameter of " + std::to_string(constant.size()) +
               " values is not one for each of the " + std::to_string(value.shape.channels) +
               " channels",
           "one value, or one for each channel");
  }
  std::vector<Rational> result;
  for (const double v : values) result.push_back(real(node, v));
  return result;
}

const OnnxNode* OnnxImport::only_reader(const Node& node) const {
  if (node.outputs.empty()) return nullptr;
  const auto found = readers_.find(node.outputs[0]);
  return found == readers_.end() || found->second.size() != 1 ? nullptr
                                                              : &file_.nodes[found->second[0]];
}

std::optional<NumberFormat> finn_format(const std::string& datatype) {
  if (datatype == "BIPOLAR") return binary_format;
  if (datatype == "BINARY") return unsigned_format(1);
  if (datatype == "TERNARY") return signed_format(2);
  const bool is_unsigned = datatype.starts_with("UINT");
  if (!is_unsigned && !datatype.starts_with("INT")) return {};
  const std::string digits = datatype.substr(is_unsigned ? 4 : 3);
  if (digits.empty() || digits.size() > 2 ||
      !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return {};
  }
  const int bits = std::stoi(digits);
  if (bits < (is_unsigned ? 1 : 2) || bits > 16) return {};
  return is_unsigned ? unsigned_format(bits) : full_format(bits);
}

Imported import_onnx(const std::string& path, const ImportOptions& options) {
  return OnnxImport(path, options).run();
}

}  // namespace stuckat::importing
