#include "workloads/import/onnx_file.h"

#include <bit>
#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "workloads/compressed_file.h"
#include "workloads/errors.h"
#include "workloads/import/input_meaning.h"

namespace stuckat::importing {
namespace {

using Bytes = std::span<const uint8_t>;

[[noreturn]] void damaged(const std::string& path, const std::string& what) {
  throw InputError(path, what, "a whole ONNX file");
}

/// One field of a message.
struct Field {
  uint64_t number = 0;
  int wire = 0;        // 0 varint, 1 eight bytes, 2 bytes, 5 four bytes
  uint64_t value = 0;  // of all but 2
  Bytes bytes;         // of 2
};

/// The fields of a message one after the other.
class Message {
 public:
  Message(Bytes bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  std::optional<Field> next() {
    if (at_ >= bytes_.size()) return {};
    const uint64_t key = varint();
    Field field;
    field.number = key >> 3;
    field.wire = static_cast<int>(key & 7);
    switch (field.wire) {
      case 0:
        field.value = varint();
        break;
      case 1:
        field.value = fixed(8);
        break;
      case 5:
        field.value = fixed(4);
        break;
      case 2: {
        const uint64_t length = varint();
        if (length > bytes_.size() - at_) damaged(path_, "a field beyond the end");
        field.bytes = bytes_.subspan(at_, length);
        at_ += length;
        break;
      }
      default:
        damaged(path_, "a field of wire type " + std::to_string(field.wire));
    }
    return field;
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ >= bytes_.size()) damaged(path_, "a number beyond the end");
      const uint8_t byte = bytes_[at_++];
      value |= uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    damaged(path_, "a number of more than ten bytes");
  }
  uint64_t fixed(size_t size) {
    if (bytes_.size() - at_ < size) damaged(path_, "a number beyond the end");
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value |= uint64_t{bytes_[at_ + i]} << (8 * i);
    at_ += size;
    return value;
  }
  bool done() const { return at_ >= bytes_.size(); }

 private:
  Bytes bytes_;
  const std::string& path_;
  size_t at_ = 0;
};

std::string text_of(const Field& field) { return {field.bytes.begin(), field.bytes.end()}; }

double float_of(uint64_t word) { return std::bit_cast<float>(static_cast<uint32_t>(word)); }

/// A repeated number: packed, or one of several fields.
template <class Convert>
void add_numbers(std::vector<double>& values, const Field& field, size_t width,
                 const std::string& path, const Convert& convert) {
  if (field.wire != 2) {
    values.push_back(convert(field.value));
    return;
  }
  Message packed(field.bytes, path);
  while (!packed.done()) {
    values.push_back(convert(width == 0 ? packed.varint() : packed.fixed(width)));
  }
}

double as_signed(uint64_t value) { return static_cast<double>(static_cast<int64_t>(value)); }

/// Raw data of a tensor.
std::vector<double> raw_values(Bytes raw, const OnnxTensor& tensor, const std::string& path) {
  size_t width = 0;
  switch (tensor.type) {
    case onnx_type::uint8:
    case onnx_type::int8:
    case onnx_type::boolean:
      width = 1;
      break;
    case onnx_type::uint16:
    case onnx_type::int16:
      width = 2;
      break;
    case onnx_type::float32:
    case onnx_type::int32:
    case onnx_type::uint32:
      width = 4;
      break;
    case onnx_type::float64:
    case onnx_type::int64:
    case onnx_type::uint64:
      width = 8;
      break;
    default:
      throw InputError(
          path, "tensor '" + tensor.name + "' has elements of type " + std::to_string(tensor.type),
          "float, double or integers");
  }
  if (raw.size() % width != 0)
    damaged(path, "tensor '" + tensor.name + "' with part of an element");
  std::vector<double> values;
  values.reserve(raw.size() / width);
  Message numbers(raw, path);
  while (!numbers.done()) {
    const uint64_t word = numbers.fixed(width);
    const size_t unused = 64 - 8 * width;
    values.push_back(tensor.type == onnx_type::float32   ? float_of(word)
                     : tensor.type == onnx_type::float64 ? std::bit_cast<double>(word)
                     : tensor.is_signed()
                         ? as_signed(word << unused) / std::ldexp(1.0, static_cast<int>(unused))
                         : static_cast<double>(word));
  }
  return values;
}

OnnxTensor read_tensor(Bytes bytes, const std::string& path) {
  OnnxTensor tensor;
  Bytes raw;
  bool is_elsewhere = false;
  std::vector<double> dims;
  Message message(bytes, path);
  while (const auto field = message.next()) {
    switch (field->number) {
      case 1:
        add_numbers(dims, *field, 0, path, as_signed);
        break;
      case 2:
        tensor.type = static_cast<int>(field->value);
        break;
      case 4:
        add_numbers(tensor.values, *field, 4, path, float_of);
        break;
      case 5:
        add_numbers(tensor.values, *field, 0, path, [](uint64_t v) { return as_signed(v); });
        break;
      case 7:
        add_numbers(tensor.values, *field, 0, path, as_signed);
        break;
      case 8:
        tensor.name = text_of(*field);
        break;
      case 9:
        raw = field->bytes;
        break;
      case 10:
        add_numbers(tensor.values, *field, 8, path,
                    [](uint64_t v) { return std::bit_cast<double>(v); });
        break;
      case 11:
        add_numbers(tensor.values, *field, 0, path,
                    [](uint64_t v) { return static_cast<double>(v); });
        break;
      case 14:
        is_elsewhere = field->value == 1;
        break;
      default:
        break;
    }
  }
  if (is_elsewhere) {
    throw InputError(path, "tensor '" + tensor.name + "' lies in another file",
                     "one file with all tensors (onnx.save without external data)");
  }
  if (!raw.empty()) tensor.values = raw_values(raw, tensor, path);
  double elements = 1;
  for (const double extent : dims) {
    if (!(extent >= 0) || extent > 1e9) damaged(path, "tensor '" + tensor.name + "' has no sizes");
    tensor.dims.push_back(static_cast<int64_t>(extent));
    elements *= extent;
  }
  if (elements != static_cast<double>(tensor.values.size())) {
    damaged(path, "tensor '" + tensor.name + "' holds " + std::to_string(tensor.values.size()) +
                      " of " + std::to_string(elements) + " elements");
  }
  return tensor;
}

std::pair<std::string, OnnxAttribute> read_attribute(Bytes bytes, const std::string& path) {
  std::string name;
  OnnxAttribute attribute;
  Message message(bytes, path);
  while (const auto field = message.next()) {
    switch (field->number) {
      case 1:
        name = text_of(*field);
        break;
      case 2:
        attribute.numbers = {float_of(field->value)};
        break;
      case 3:
        attribute.numbers = {as_signed(field->value)};
        break;
      case 4:
        attribute.text = text_of(*field);
        break;
      case 5:
        attribute.tensors = {read_tensor(field->bytes, path)};
        break;
      case 7:
        add_numbers(attribute.numbers, *field, 4, path, float_of);
        break;
      case 8:
        add_numbers(attribute.numbers, *field, 0, path, as_signed);
        break;
      default:
        break;
    }
  }
  return {name, attribute};
}

OnnxNode read_node(Bytes bytes, const std::string& path) {
  OnnxNode node;
  Message message(bytes, path);
  while (const auto field = message.next()) {
    switch (field->number) {
      case 1:
        node.inputs.push_back(text_of(*field));
        break;
      case 2:
        node.outputs.push_back(text_of(*field));
        break;
      case 3:
        node.name = text_of(*field);
        break;
      case 4:
        node.operation = text_of(*field);
        break;
      case 5:
        node.attributes.insert(read_attribute(field->bytes, path));
        break;
      case 7:
        node.domain = text_of(*field);
        break;
      default:
        break;
    }
  }
  if (node.name.empty() && !node.outputs.empty()) node.name = node.outputs.front();
  return node;
}

/// TensorShapeProto within TypeProto.Tensor within TypeProto.
void read_type(Bytes bytes, OnnxInterface& result, const std::string& path) {
  Message type(bytes, path);
  while (const auto tensor = type.next()) {
    if (tensor->number != 1) continue;
    Message fields(tensor->bytes, path);
    while (const auto field = fields.next()) {
      if (field->number == 1) result.type = static_cast<int>(field->value);
      if (field->number != 2) continue;
      Message shape(field->bytes, path);
      while (const auto dim = shape.next()) {
        if (dim->number != 1) continue;
        int64_t extent = -1;
        Message parts(dim->bytes, path);
        while (const auto part = parts.next()) {
          if (part->number == 1) extent = static_cast<int64_t>(part->value);
        }
        result.dims.push_back(extent);
      }
    }
  }
}

OnnxInterface read_interface(Bytes bytes, const std::string& path) {
  OnnxInterface result;
  Message message(bytes, path);
  while (const auto field = message.next()) {
    if (field->number == 1) result.name = text_of(*field);
    if (field->number == 2) read_type(field->bytes, result, path);
  }
  return result;
}

/// quantization_annotation: a tensor's name, and pairs of key and value.
void read_annotation(Bytes bytes, OnnxFile& file, const std::string& path) {
  std::string tensor, datatype;
  Message message(bytes, path);
  while (const auto field = message.next()) {
    if (field->number == 1) tensor = text_of(*field);
    if (field->number != 2) continue;
    std::string key, value;
    Message entry(field->bytes, path);
    while (const auto part = entry.next()) {
      if (part->number == 1) key = text_of(*part);
      if (part->number == 2) value = text_of(*part);
    }
    if (key == "finn_datatype") datatype = value;
    if (key == "tensor_layout" && value == "['N', 'H', 'W', 'C']")
      file.channels_last.insert(tensor);
  }
  if (!datatype.empty()) file.datatypes[tensor] = datatype;
}

void read_graph(Bytes bytes, OnnxFile& file, const std::string& path) {
  std::vector<OnnxInterface> inputs;
  Message message(bytes, path);
  while (const auto field = message.next()) {
    switch (field->number) {
      case 1:
        file.nodes.push_back(read_node(field->bytes, path));
        break;
      case 5: {
        OnnxTensor tensor = read_tensor(field->bytes, path);
        const std::string name = tensor.name;
        file.initializers[name] = std::move(tensor);
        break;
      }
      case 11:
        inputs.push_back(read_interface(field->bytes, path));
        break;
      case 12:
        file.outputs.push_back(read_interface(field->bytes, path));
        break;
      case 14:
        read_annotation(field->bytes, file, path);
        break;
      default:
        break;
    }
  }
  for (OnnxInterface& input : inputs) {
    if (file.initializers.count(input.name) == 0) file.inputs.push_back(std::move(input));
  }
}

}  // namespace

double OnnxNode::number(const std::string& attribute, double otherwise) const {
  const auto found = attributes.find(attribute);
  if (found == attributes.end()) return otherwise;
  if (!found->second.numbers.empty()) return found->second.numbers.front();
  const auto& tensors = found->second.tensors;
  return tensors.empty() || tensors[0].values.empty() ? otherwise : tensors[0].values.front();
}

std::vector<int64_t> OnnxNode::integers(const std::string& attribute) const {
  std::vector<int64_t> result;
  const auto found = attributes.find(attribute);
  if (found == attributes.end()) return result;
  for (const double number : found->second.numbers) {
    result.push_back(std::abs(number) < 9e15 ? static_cast<int64_t>(number) : -1);
  }
  return result;
}

std::string OnnxNode::text(const std::string& attribute, const std::string& otherwise) const {
  const auto found = attributes.find(attribute);
  return found == attributes.end() ? otherwise : found->second.text;
}

OnnxFile read_onnx(const std::string& path) {
  const std::vector<uint8_t> bytes = read_plain_file(path);
  constexpr size_t most_bytes = size_t{256} << 20;  // each can become a double
  if (bytes.size() > most_bytes) {
    throw InputError(path, std::to_string(bytes.size()) + " bytes", "at most 256 MiB");
  }
  OnnxFile file;
  bool has_graph = false;
  Message message(bytes, path);
  while (const auto field = message.next()) {
    if (field->number != 7 || field->wire != 2) continue;
    if (has_graph) damaged(path, "two graphs");
    has_graph = true;
    read_graph(field->bytes, file, path);
  }
  if (!has_graph) damaged(path, "no graph");
  return file;
}

bool is_onnx(const std::string& path) {
  // ModelProto starts with ir_version (field 1, a small number); what follows is a field of it.
  const std::vector<uint8_t> head = first_bytes(path, 3);
  return head.size() == 3 && head[0] == 0x08 && head[1] >= 1 && head[1] < 0x20 &&
         (head[2] & 7) != 3 && (head[2] & 7) != 4;
}

}  // namespace stuckat::importing
