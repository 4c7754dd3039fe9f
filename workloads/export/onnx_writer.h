// Writes ONNX files, field by field of the protocol buffer (onnx.proto, IR version 8).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace stuckat {

struct OnnxAttributes {
  std::vector<std::pair<std::string, std::vector<int64_t>>> ints = {};  ///< lists; of one: an int
  std::vector<std::pair<std::string, std::string>> texts = {};
  std::vector<std::pair<std::string, float>> reals = {};
};

/// TensorProto.DataType
namespace onnx_type {
constexpr int float32 = 1, int8 = 3, int64 = 7, float64 = 11;
}

class OnnxWriter {
 public:
  using Ints = std::vector<int64_t>;

  // Inputs and outputs hold float32.
  OnnxWriter& input(const std::string& name, const Ints& dims);
  OnnxWriter& output(const std::string& name, const Ints& dims);
  OnnxWriter& floats(const std::string& name, const Ints& dims, const std::vector<float>& values);
  OnnxWriter& doubles(const std::string& name, const Ints& dims, const std::vector<double>& values);
  OnnxWriter& scalar(const std::string& name, float value) { return floats(name, {}, {value}); }
  OnnxWriter& int8s(const std::string& name, const Ints& dims, const std::vector<int>& values);
  OnnxWriter& int64s(const std::string& name, const Ints& dims, const Ints& values);
  /// A node with one output, which is its name, too.
  OnnxWriter& node(const std::string& operation, const std::vector<std::string>& inputs,
                   const std::string& output, const OnnxAttributes& attributes = {},
                   const std::string& domain = {});
  /// A line of text about the model.
  OnnxWriter& note(const std::string& key, const std::string& text);

  /// The file.
  std::string bytes(const std::string& graph = "graph") const;

  // The wire format.
  static std::string varint(uint64_t value);
  static std::string key(uint64_t number, uint64_t wire) { return varint(number << 3 | wire); }
  static std::string field(uint64_t number, const std::string& bytes);

 private:
  OnnxWriter& tensor(const std::string& name, const Ints& dims, int type, const std::string& raw);

  std::string graph_;
  std::string notes_;
};

}  // namespace stuckat
