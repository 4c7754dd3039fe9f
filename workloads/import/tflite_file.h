// TFLite files as tables: a FlatBuffer read in place, every offset checked against the file's end.
// The order of the fields is that of TensorFlow Lite's published schema (version 3). Inside
// workloads/import only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stuckat::importing {

/// Of the builtin operators, those that are told apart here (BuiltinOperator of the schema).
enum class TfliteOperator : int32_t {
  add = 0,
  average_pool = 1,
  concatenation = 2,
  convolution = 3,
  depthwise_convolution = 4,
  dequantize = 6,
  fully_connected = 9,
  logistic = 14,
  max_pool = 17,
  relu = 19,
  relu6 = 21,
  reshape = 22,
  softmax = 25,
  pad = 34,
  transpose = 39,
  mean = 40,
  squeeze = 43,
  strided_slice = 45,
  expand_dims = 70,
  shape = 77,
  pack = 83,
  quantize = 114,
};

enum class TfliteType : int8_t {
  float32 = 0,
  int32 = 2,
  uint8 = 3,
  int64 = 4,
  int16 = 7,
  int8 = 9
};

struct TfliteTensor {
  std::string name;
  std::vector<int32_t> shape;
  TfliteType type = TfliteType::float32;
  std::vector<float> scales;         // one, or one for each channel
  std::vector<int64_t> zero_points;  // as many
  const uint8_t* data = nullptr;     // of a constant, in the file's bytes
  size_t bytes = 0;

  bool is_constant() const { return data != nullptr; }
};

/// Options of the operators that are known, with the schema's defaults; those of others are left.
struct TfliteOptions {
  bool same_padding = true;
  int stride_width = 0;
  int stride_height = 0;
  int filter_width = 0;
  int filter_height = 0;
  int dilation_width = 1;
  int dilation_height = 1;
  int axis = 0;
  int activation = 0;  // 0 none, 1 ReLU, 2 ReLU -1 to 1, 3 ReLU6
};

struct TfliteNode {
  TfliteOperator operation{};
  int code = 0;
  std::vector<int> inputs;  // tensors; -1: left out
  std::vector<int> outputs;
  TfliteOptions options;
};

/// One graph: subgraph 0. `bytes` are the file's; tensors point into them.
struct TfliteFile {
  std::vector<uint8_t> bytes;
  std::vector<TfliteTensor> tensors;
  std::vector<TfliteNode> nodes;
  std::vector<int> inputs;
  std::vector<int> outputs;
};

/// Throws InputError(path, ...) for what is no such file, damaged, or has several graphs.
TfliteFile read_tflite(const std::string& path);

/// Name of a builtin operator for messages: "CONV_2D", or "operator 99".
std::string tflite_name(int code);

}  // namespace stuckat::importing
