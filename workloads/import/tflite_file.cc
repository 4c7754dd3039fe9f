#include "workloads/import/tflite_file.h"

#include <bit>
#include <map>
#include <utility>

#include "workloads/compressed_file.h"
#include "workloads/errors.h"

namespace stuckat::importing {
namespace {

/// The bytes of a FlatBuffer: little-endian numbers at checked offsets.
class Flat {
 public:
  Flat(const std::vector<uint8_t>& bytes, const std::string& path)
      : bytes_(bytes), path_(path), left_(8 * bytes.size()) {}

  uint64_t number(uint64_t at, int size) const {
    need(at, static_cast<uint64_t>(size));
    uint64_t value = 0;
    for (int i = 0; i < size; ++i) {
      value |= uint64_t{bytes_[static_cast<size_t>(at) + static_cast<size_t>(i)]} << (8 * i);
    }
    return value;
  }
  int32_t int32(uint64_t at) const { return static_cast<int32_t>(number(at, 4)); }
  /// Where an offset that lies at `at` leads.
  uint64_t follow(uint64_t at) const { return at + number(at, 4); }
  const uint8_t* data(uint64_t at, uint64_t size) const {
    need(at, size);
    return bytes_.data() + at;
  }
  /// Counts what is copied out: many tables that share one long vector are refused.
  void copy(uint64_t size) const {
    if (size > left_) damaged("its vectors are longer than the file");
    left_ -= size;
  }
  [[noreturn]] void damaged(const std::string& what) const {
    throw InputError(path_, what, "a whole TFLite file");
  }

 private:
  void need(uint64_t at, uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) damaged("an offset leads beyond the end");
  }

  const std::vector<uint8_t>& bytes_;
  const std::string& path_;
  mutable uint64_t left_;
};

class Table {
 public:
  Table(const Flat& flat, uint64_t at) : flat_(&flat), at_(at) {
    const int64_t vtable = static_cast<int64_t>(at) - flat.int32(at);
    if (vtable < 0) flat.damaged("a table without its description");
    vtable_ = static_cast<uint64_t>(vtable);
    vtable_size_ = flat.number(vtable_, 2);
  }

  /// Where field `index` lies; 0: it is not there.
  uint64_t field(int index) const {
    const uint64_t entry = 4 + 2 * static_cast<uint64_t>(index);
    if (entry + 2 > vtable_size_) return 0;
    const uint64_t offset = flat_->number(vtable_ + entry, 2);
    return offset == 0 ? 0 : at_ + offset;
  }
  int32_t int32(int index, int32_t otherwise = 0) const {
    const uint64_t at = field(index);
    return at == 0 ? otherwise : flat_->int32(at);
  }
  int8_t int8(int index) const {
    const uint64_t at = field(index);
    return at == 0 ? int8_t{0} : static_cast<int8_t>(flat_->number(at, 1));
  }
  bool has_table(int index) const { return field(index) != 0; }
  Table table(int index) const { return {*flat_, flat_->follow(field(index))}; }

  /// Start and length of a vector whose elements have `size` bytes, all of them within the file.
  std::pair<uint64_t, uint64_t> vector(int index, uint64_t size) const {
    const uint64_t at = field(index);
    if (at == 0) return {0, 0};
    const uint64_t start = flat_->follow(at);
    const uint64_t count = flat_->number(start, 4);
    flat_->data(start + 4, count * size);
    return {start + 4, count};
  }
  std::vector<Table> tables(int index) const {
    const auto [start, count] = copied(index, 4);
    std::vector<Table> result;
    result.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      result.emplace_back(*flat_, flat_->follow(start + 4 * i));
    }
    return result;
  }
  std::vector<int32_t> ints(int index) const {
    const auto [start, count] = copied(index, 4);
    std::vector<int32_t> result;
    for (uint64_t i = 0; i < count; ++i) result.push_back(flat_->int32(start + 4 * i));
    return result;
  }
  std::vector<int64_t> longs(int index) const {
    const auto [start, count] = copied(index, 8);
    std::vector<int64_t> result;
    for (uint64_t i = 0; i < count; ++i) {
      result.push_back(static_cast<int64_t>(flat_->number(start + 8 * i, 8)));
    }
    return result;
  }
  std::string text(int index) const {
    const auto [start, count] = copied(index, 1);
    const uint8_t* const data = flat_->data(start, count);
    return {data, data + count};
  }

 private:
  std::pair<uint64_t, uint64_t> copied(int index, uint64_t size) const {
    const auto found = vector(index, size);
    flat_->copy(found.second * size);
    return found;
  }

  const Flat* flat_;
  uint64_t at_;
  uint64_t vtable_ = 0;
  uint64_t vtable_size_ = 0;
};

std::vector<float> floats_of(const Table& table, int index) {
  std::vector<float> result;
  for (const int32_t bits : table.ints(index)) result.push_back(std::bit_cast<float>(bits));
  return result;
}

// Number of a field in its table, from the schema.
namespace model_field {
constexpr int operator_codes = 1, subgraphs = 2, buffers = 4;
}
namespace graph_field {
constexpr int tensors = 0, inputs = 1, outputs = 2, operators = 3;
}
namespace tensor_field {
constexpr int shape = 0, type = 1, buffer = 2, name = 3, quantization = 4;
}
namespace quantization_field {
constexpr int scale = 2, zero_point = 3;
}
namespace operator_field {
constexpr int code = 0, inputs = 1, outputs = 2, options = 4;
}
namespace code_field {
constexpr int old_code = 0, code = 3;
}

struct OptionFields {
  int padding = -1, stride_width = -1, stride_height = -1, filter_width = -1, filter_height = -1,
      activation = -1, dilation_width = -1, dilation_height = -1, axis = -1;
};

OptionFields fields_of(TfliteOperator operation) {
  switch (operation) {
    case TfliteOperator::convolution:
      return {.padding = 0,
              .stride_width = 1,
              .stride_height = 2,
              .activation = 3,
              .dilation_width = 4,
              .dilation_height = 5};
    case TfliteOperator::depthwise_convolution:
      return {.padding = 0,
              .stride_width = 1,
              .stride_height = 2,
              .activation = 4,
              .dilation_width = 5,
              .dilation_height = 6};
    case TfliteOperator::average_pool:
    case TfliteOperator::max_pool:
      return {.padding = 0,
              .stride_width = 1,
              .stride_height = 2,
              .filter_width = 3,
              .filter_height = 4,
              .activation = 5};
    case TfliteOperator::fully_connected:
    case TfliteOperator::add:
      return {.activation = 0};
    case TfliteOperator::concatenation:
      return {.activation = 1, .axis = 0};
    default:
      return {};
  }
}

TfliteOptions read_options(TfliteOperator operation, const Table& table) {
  const OptionFields fields = fields_of(operation);
  const auto number = [&](int field, int otherwise) {
    return field < 0 ? otherwise : table.int32(field, otherwise);
  };
  TfliteOptions options;
  options.same_padding = fields.padding < 0 || table.int8(fields.padding) == 0;
  options.stride_width = number(fields.stride_width, 0);
  options.stride_height = number(fields.stride_height, 0);
  options.filter_width = number(fields.filter_width, 0);
  options.filter_height = number(fields.filter_height, 0);
  options.dilation_width = number(fields.dilation_width, 1);
  options.dilation_height = number(fields.dilation_height, 1);
  options.axis = number(fields.axis, 0);
  options.activation = fields.activation < 0 ? 0 : table.int8(fields.activation);
  return options;
}

TfliteTensor read_tensor(const Table& table, const std::vector<Table>& buffers, const Flat& flat) {
  TfliteTensor tensor;
  tensor.name = table.text(tensor_field::name);
  tensor.shape = table.ints(tensor_field::shape);
  tensor.type = static_cast<TfliteType>(table.int8(tensor_field::type));
  if (table.has_table(tensor_field::quantization)) {
    const Table quantization = table.table(tensor_field::quantization);
    tensor.scales = floats_of(quantization, quantization_field::scale);
    tensor.zero_points = quantization.longs(quantization_field::zero_point);
  }
  const auto buffer = static_cast<uint32_t>(table.int32(tensor_field::buffer));
  if (buffer >= buffers.size()) flat.damaged("tensor '" + tensor.name + "' has no buffer");
  const auto [start, count] = buffers[buffer].vector(0, 1);
  if (count > 0) {
    tensor.data = flat.data(start, count);
    tensor.bytes = count;
  }
  return tensor;
}

std::vector<int> tensors_of(const Table& table, int field, size_t tensors, const Flat& flat) {
  std::vector<int> result;
  for (const int32_t tensor : table.ints(field)) {
    if (tensor < -1 || tensor >= static_cast<int64_t>(tensors)) {
      flat.damaged("an operator reads tensor " + std::to_string(tensor));
    }
    result.push_back(tensor);
  }
  return result;
}

}  // namespace

std::string tflite_name(int code) {
  static const std::map<int, std::string> names = {{0, "ADD"},
                                                   {1, "AVERAGE_POOL_2D"},
                                                   {2, "CONCATENATION"},
                                                   {3, "CONV_2D"},
                                                   {4, "DEPTHWISE_CONV_2D"},
                                                   {6, "DEQUANTIZE"},
                                                   {9, "FULLY_CONNECTED"},
                                                   {14, "LOGISTIC"},
                                                   {17, "MAX_POOL_2D"},
                                                   {18, "MUL"},
                                                   {19, "RELU"},
                                                   {21, "RELU6"},
                                                   {22, "RESHAPE"},
                                                   {25, "SOFTMAX"},
                                                   {27, "SVDF"},
                                                   {28, "TANH"},
                                                   {32, "CUSTOM"},
                                                   {34, "PAD"},
                                                   {39, "TRANSPOSE"},
                                                   {40, "MEAN"},
                                                   {41, "SUB"},
                                                   {43, "SQUEEZE"},
                                                   {45, "STRIDED_SLICE"},
                                                   {67, "TRANSPOSE_CONV"},
                                                   {70, "EXPAND_DIMS"},
                                                   {77, "SHAPE"},
                                                   {83, "PACK"},
                                                   {97, "RESIZE_NEAREST_NEIGHBOR"},
                                                   {114, "QUANTIZE"},
                                                   {117, "HARD_SWISH"}};
  const auto found = names.find(code);
  return found == names.end() ? "operator " + std::to_string(code) : found->second;
}

TfliteFile read_tflite(const std::string& path) {
  TfliteFile file;
  file.bytes = read_plain_file(path);
  const Flat flat(file.bytes, path);
  if (file.bytes.size() < 8 || flat.number(4, 4) != 0x334C4654) {  // "TFL3"
    throw InputError(path, "is no TFLite file", "'TFL3' at byte 4");
  }
  const Table model(flat, flat.follow(0));
  const std::vector<Table> graphs = model.tables(model_field::subgraphs);
  if (graphs.size() != 1) flat.damaged(std::to_string(graphs.size()) + " graphs, not 1");
  const Table& graph = graphs.front();
  const std::vector<Table> buffers = model.tables(model_field::buffers);
  for (const Table& table : graph.tables(graph_field::tensors)) {
    file.tensors.push_back(read_tensor(table, buffers, flat));
  }
  std::vector<int> codes;
  for (const Table& code : model.tables(model_field::operator_codes)) {
    codes.push_back(std::max<int>(code.int8(code_field::old_code), code.int32(code_field::code)));
  }
  for (const Table& table : graph.tables(graph_field::operators)) {
    TfliteNode node;
    const auto code = static_cast<uint32_t>(table.int32(operator_field::code));
    if (code >= codes.size()) flat.damaged("an operator without a code");
    node.code = codes[code];
    node.operation = static_cast<TfliteOperator>(node.code);
    node.inputs = tensors_of(table, operator_field::inputs, file.tensors.size(), flat);
    node.outputs = tensors_of(table, operator_field::outputs, file.tensors.size(), flat);
    if (table.has_table(operator_field::options)) {
      node.options = read_options(node.operation, table.table(operator_field::options));
    }
    file.nodes.push_back(std::move(node));
  }
  file.inputs = tensors_of(graph, graph_field::inputs, file.tensors.size(), flat);
  file.outputs = tensors_of(graph, graph_field::outputs, file.tensors.size(), flat);
  return file;
}

}  // namespace stuckat::importing
