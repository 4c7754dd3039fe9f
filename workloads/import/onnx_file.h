// ONNX files as plain values: the protocol buffer read by its field numbers (onnx.proto, IR version
// 3 and later), every length checked against the file's end. Inside workloads/import only.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace stuckat::importing {

/// Element types of TensorProto that are told apart here.
namespace onnx_type {
inline constexpr int float32 = 1, uint8 = 2, int8 = 3, uint16 = 4, int16 = 5, int32 = 6, int64 = 7,
                     boolean = 9, float64 = 11, uint32 = 12, uint64 = 13;
}

struct OnnxTensor {
  std::string name;
  int type = onnx_type::float32;
  std::vector<int64_t> dims;
  std::vector<double> values;  ///< [product of dims]

  bool is_signed() const {
    return type == onnx_type::int8 || type == onnx_type::int16 || type == onnx_type::int32 ||
           type == onnx_type::int64;
  }
  bool is_integer() const { return type != onnx_type::float32 && type != onnx_type::float64; }
};

struct OnnxAttribute {
  std::vector<double> numbers;  ///< of an int or float, or a list of them
  std::string text;
  std::vector<OnnxTensor> tensors;  ///< one, if it is a tensor
};

struct OnnxNode {
  std::string name;  ///< its own, or that of its first output
  std::string operation;
  std::string domain;
  std::vector<std::string> inputs;  ///< "" is one that is left out
  std::vector<std::string> outputs;
  std::map<std::string, OnnxAttribute> attributes;

  bool has(const std::string& attribute) const { return attributes.count(attribute) > 0; }
  double number(const std::string& attribute, double otherwise) const;
  std::vector<int64_t> integers(const std::string& attribute) const;
  std::string text(const std::string& attribute, const std::string& otherwise) const;
};

/// An input or output of the graph.
struct OnnxInterface {
  std::string name;
  int type = 0;
  std::vector<int64_t> dims;  ///< -1: not said
};

struct OnnxFile {
  std::vector<OnnxNode> nodes;  ///< in the file's order, which is that of the data
  std::map<std::string, OnnxTensor> initializers;
  std::vector<OnnxInterface> inputs;  ///< those that are no initializers
  std::vector<OnnxInterface> outputs;
  std::map<std::string, std::string> datatypes;  ///< FINN's annotation of a tensor: "INT4"
  std::set<std::string> channels_last;           ///< tensors whose annotated layout is N, H, W, C
};

/// Throws InputError(path, ...) for what is no such file, is damaged or keeps tensors elsewhere.
OnnxFile read_onnx(const std::string& path);

/// Whether the file starts as an ONNX model does.
bool is_onnx(const std::string& path);

}  // namespace stuckat::importing
