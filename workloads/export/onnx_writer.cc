#include "workloads/export/onnx_writer.h"

#include <bit>

#include "workloads/version.h"

namespace stuckat {
namespace {

constexpr uint64_t varint_wire = 0, bytes_wire = 2, fixed32_wire = 5;
constexpr uint64_t of_real = 1, of_int = 2, of_text = 3, of_ints = 7;  // AttributeProto
constexpr uint64_t ir_version = 8, opset_version = 13, qonnx_opset_version = 1;

std::string fixed32(uint32_t word) {
  std::string result;
  for (int i = 0; i < 4; ++i) result += static_cast<char>(word >> (8 * i));
  return result;
}

std::string fixed64(uint64_t word) {
  return fixed32(static_cast<uint32_t>(word)) + fixed32(static_cast<uint32_t>(word >> 32));
}

std::string number(uint64_t field, uint64_t value) {
  return OnnxWriter::key(field, varint_wire) + OnnxWriter::varint(value);
}

std::string interface(const std::string& name, const OnnxWriter::Ints& dims) {
  std::string shape;
  for (const int64_t d : dims) {
    shape += OnnxWriter::field(1, number(1, static_cast<uint64_t>(d)));
  }
  const std::string tensor = number(1, onnx_type::float32) + OnnxWriter::field(2, shape);
  return OnnxWriter::field(1, name) + OnnxWriter::field(2, OnnxWriter::field(1, tensor));
}

}  // namespace

std::string OnnxWriter::varint(uint64_t value) {
  std::string result;
  for (; value >= 0x80; value >>= 7) result += static_cast<char>(value | 0x80);
  return result + static_cast<char>(value);
}

std::string OnnxWriter::field(uint64_t number, const std::string& bytes) {
  return key(number, bytes_wire) + varint(bytes.size()) + bytes;
}

OnnxWriter& OnnxWriter::input(const std::string& name, const Ints& dims) {
  graph_ += field(11, interface(name, dims));
  return *this;
}

OnnxWriter& OnnxWriter::output(const std::string& name, const Ints& dims) {
  graph_ += field(12, interface(name, dims));
  return *this;
}

OnnxWriter& OnnxWriter::floats(const std::string& name, const Ints& dims,
                               const std::vector<float>& values) {
  std::string raw;
  for (const float v : values) raw += fixed32(std::bit_cast<uint32_t>(v));
  return tensor(name, dims, onnx_type::float32, raw);
}

OnnxWriter& OnnxWriter::doubles(const std::string& name, const Ints& dims,
                                const std::vector<double>& values) {
  std::string raw;
  for (const double v : values) raw += fixed64(std::bit_cast<uint64_t>(v));
  return tensor(name, dims, onnx_type::float64, raw);
}

OnnxWriter& OnnxWriter::int8s(const std::string& name, const Ints& dims,
                              const std::vector<int>& values) {
  std::string raw;
  for (const int v : values) raw += static_cast<char>(v);
  return tensor(name, dims, onnx_type::int8, raw);
}

OnnxWriter& OnnxWriter::int64s(const std::string& name, const Ints& dims, const Ints& values) {
  std::string raw;
  for (const int64_t v : values) raw += fixed64(static_cast<uint64_t>(v));
  return tensor(name, dims, onnx_type::int64, raw);
}

OnnxWriter& OnnxWriter::node(const std::string& operation, const std::vector<std::string>& inputs,
                             const std::string& output, const OnnxAttributes& attributes,
                             const std::string& domain) {
  std::string node;
  for (const auto& name : inputs) node += field(1, name);
  node += field(2, output) + field(3, output) + field(4, operation);
  for (const auto& [name, values] : attributes.ints) {
    std::string attribute = field(1, name);
    for (const int64_t v : values) {
      attribute += number(values.size() == 1 ? 3 : 8, static_cast<uint64_t>(v));
    }
    node += field(5, attribute + number(20, values.size() == 1 ? of_int : of_ints));
  }
  for (const auto& [name, text] : attributes.texts) {
    node += field(5, field(1, name) + field(4, text) + number(20, of_text));
  }
  for (const auto& [name, real] : attributes.reals) {
    const std::string value = key(2, fixed32_wire) + fixed32(std::bit_cast<uint32_t>(real));
    node += field(5, field(1, name) + value + number(20, of_real));
  }
  if (!domain.empty()) node += field(7, domain);
  graph_ += field(1, node);
  return *this;
}

OnnxWriter& OnnxWriter::note(const std::string& key, const std::string& text) {
  notes_ += field(14, field(1, key) + field(2, text));
  return *this;
}

std::string OnnxWriter::bytes(const std::string& graph) const {
  return number(1, ir_version) + field(2, "stuckat") + field(3, tool_version) +
         field(7, graph_ + field(2, graph)) + field(8, field(1, "") + number(2, opset_version)) +
         field(8, field(1, "qonnx.custom_op.general") + number(2, qonnx_opset_version)) + notes_;
}

OnnxWriter& OnnxWriter::tensor(const std::string& name, const Ints& dims, int type,
                               const std::string& raw) {
  std::string tensor;
  for (const int64_t d : dims) tensor += number(1, static_cast<uint64_t>(d));
  tensor += number(2, static_cast<uint64_t>(type)) + field(8, name) + field(9, raw);
  graph_ += field(5, tensor);
  return *this;
}

}  // namespace stuckat
