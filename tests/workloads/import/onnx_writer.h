// Writes small ONNX files, field by field of the protocol buffer: what the reader is tested with.
#pragma once

#include <bit>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace stuckat::test {

struct OnnxAttributes {
  std::vector<std::pair<std::string, std::vector<int64_t>>> ints = {};  ///< lists; of one: an int
  std::vector<std::pair<std::string, std::string>> texts = {};
};

class OnnxWriter {
 public:
  using Ints = std::vector<int64_t>;

  OnnxWriter& input(const std::string& name, const Ints& dims) {
    graph_ += field(11, interface(name, dims));
    return *this;
  }
  OnnxWriter& output(const std::string& name, const Ints& dims) {
    graph_ += field(12, interface(name, dims));
    return *this;
  }
  OnnxWriter& floats(const std::string& name, const Ints& dims, const std::vector<float>& values) {
    std::string raw;
    for (const float v : values) raw += fixed32(std::bit_cast<uint32_t>(v));
    return tensor(name, dims, 1, raw);
  }
  OnnxWriter& scalar(const std::string& name, float value) { return floats(name, {}, {value}); }
  OnnxWriter& int8s(const std::string& name, const Ints& dims, const std::vector<int>& values) {
    std::string raw;
    for (const int v : values) raw += static_cast<char>(v);
    return tensor(name, dims, 3, raw);
  }
  OnnxWriter& int64s(const std::string& name, const Ints& dims, const Ints& values) {
    std::string raw;
    for (const int64_t v : values) {
      for (int i = 0; i < 8; ++i) raw += static_cast<char>(static_cast<uint64_t>(v) >> (8 * i));
    }
    return tensor(name, dims, 7, raw);
  }

  OnnxWriter& node(const std::string& operation, const std::vector<std::string>& inputs,
                   const std::string& output, const OnnxAttributes& attributes = {}) {
    std::string node;
    for (const auto& name : inputs) node += field(1, name);
    node += field(2, output) + field(4, operation);
    for (const auto& [name, values] : attributes.ints) {
      std::string attribute = field(1, name);
      for (const int64_t v : values) {
        attribute += key(values.size() == 1 ? 3 : 8, 0) + varint(static_cast<uint64_t>(v));
      }
      node += field(5, attribute);
    }
    for (const auto& [name, text] : attributes.texts) {
      node += field(5, field(1, name) + field(4, text));
    }
    graph_ += field(1, node);
    return *this;
  }

  std::string bytes() const { return key(1, 0) + varint(8) + field(7, graph_); }
  void write(const std::string& path) const {
    const std::string all = bytes();
    std::ofstream(path, std::ios::binary)
        .write(all.data(), static_cast<std::streamsize>(all.size()));
  }

  static std::string varint(uint64_t value) {
    std::string result;
    for (; value >= 0x80; value >>= 7) result += static_cast<char>(value | 0x80);
    return result + static_cast<char>(value);
  }
  static std::string key(uint64_t number, uint64_t wire) { return varint(number << 3 | wire); }
  static std::string field(uint64_t number, const std::string& bytes) {
    return key(number, 2) + varint(bytes.size()) + bytes;
  }

 private:
  static std::string fixed32(uint32_t word) {
    std::string result;
    for (int i = 0; i < 4; ++i) result += static_cast<char>(word >> (8 * i));
    return result;
  }
  static std::string interface(const std::string& name, const Ints& dims) {
    std::string shape;
    for (const int64_t d : dims) shape += field(1, key(1, 0) + varint(static_cast<uint64_t>(d)));
    const std::string tensor = key(1, 0) + varint(1) + field(2, shape);
    return field(1, name) + field(2, field(1, tensor));
  }
  OnnxWriter& tensor(const std::string& name, const Ints& dims, uint64_t type,
                     const std::string& raw) {
    std::string tensor;
    for (const int64_t d : dims) tensor += key(1, 0) + varint(static_cast<uint64_t>(d));
    tensor += key(2, 0) + varint(type) + field(8, name) + field(9, raw);
    graph_ += field(5, tensor);
    return *this;
  }

  std::string graph_;
};

}  // namespace stuckat::test
