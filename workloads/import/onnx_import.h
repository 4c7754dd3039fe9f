// The state of one ONNX import, and its steps. A tensor of the file is a constant, levels of a
// tensor of ours, or sums of a layer that waits for its thresholds; the last two with the line that
// says which real number each integer stands for. Inside workloads/import only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "workloads/import/builder.h"
#include "workloads/import/exact.h"
#include "workloads/import/onnx_file.h"

namespace stuckat::importing {

/// A tensor whose values are known.
struct Constant {
  std::vector<int64_t> dims;
  std::vector<double> values;  ///< [product of dims]
  bool is_integer = false;
  bool is_double = false;
  bool is_signed_type = false;  ///< int8, int16, int32, int64
  /// Of a quantized one: values[i] is scales[i] * integers[i]; else both are empty.
  std::vector<int32_t> integers;
  std::vector<double> scales;
  int bits = 0;             ///< of the integers; 0: not said
  bool is_bipolar = false;  ///< -1 and +1

  int64_t size() const { return static_cast<int64_t>(values.size()); }
};

/// How a window generator moves (FINN, Im2Col): columns for a matrix product that follows.
struct Window {
  Extent kernel;
  Extent stride;
  Padding padding;
};

enum class Source : uint8_t { constant, input, levels, sums };

/// What is known of one tensor of the file.
struct Value {
  Source source = Source::constant;
  std::shared_ptr<const Constant> constant;

  // Of an activation:
  std::vector<int64_t> dims;  ///< in the file
  bool is_channels_last =
      false;        ///< order of the file's elements: pixels, channels; else the reverse
  Shape shape;      ///< ours
  int tensor = -1;  ///< levels: ours
  std::shared_ptr<Layer> layer;  ///< sums: without thresholds, not yet appended
  /// What the integer stands for, [1] or [channels]. Of the input: of the raw real number.
  std::vector<Line> lines = {Line{}};
  std::vector<Line>
      addends;      ///< sums of an add whose scales have no common integers: of each input
  Padding padding;  ///< real 0 around it, for what follows
  std::optional<Window> window;

  bool is_constant() const { return source == Source::constant; }
  const Line& line(int channel) const {
    return lines[lines.size() == 1 ? 0 : static_cast<size_t>(channel)];
  }
};

/// What a quantizer makes.
struct Levels {
  NumberFormat format;
  int64_t base = 0;                    ///< the value where no boundary is reached
  std::vector<Boundaries> boundaries;  ///< [1] or [channels]
  std::vector<Rational> scales;        ///< [1] or [channels]: real = scale * value + offset
  Rational offset = 0;
};

class OnnxImport {
 public:
  OnnxImport(const std::string& path, const ImportOptions& options);
  Imported run();

 private:
  using Node = OnnxNode;
  struct Row {
    const char* operation;
    void (OnnxImport::*read)(const Node&);
  };
  static const std::vector<Row>& rows();

  // onnx_import.cc
  void read_node(const Node& node);
  void read_interface();
  void finish();
  void set_class_map(const Value& value);
  [[noreturn]] void refuse(const Node& node, const std::string& what,
                           const std::string& remedy) const;
  void record(const Node& node, const std::string& became);
  const Value& value(const Node& node, size_t index) const;
  bool has_input(const Node& node, size_t index) const;
  const Constant& constant(const Node& node, size_t index) const;
  double scalar(const Node& node, size_t index) const;
  int64_t whole(const Node& node, size_t index) const;
  void set(const Node& node, Value value, size_t output = 0);
  Rational real(const Node& node, double value) const;
  std::vector<Rational> per_channel(const Node& node, const Value& value,
                                    const Constant& constant) const;
  /// One line for each channel.
  static void spread(Value& value);
  /// The only node that reads an output of this one, or null.
  const Node* only_reader(const Node& node) const;

  // onnx_levels.cc
  /// What a quantizer makes of a value: a layer with thresholds, or the network's input.
  Value quantized(const Node& node, Value value, Levels levels);
  Value quantized_input(const Node& node, const Value& value, const Levels& levels);
  /// The same by a rule on integers that rises with them (RequantShift, QLinearConv).
  Value quantized_by(const Node& node, const Value& value, const Levels& levels,
                     const std::function<int64_t(int row, int64_t integer)>& level);
  void set_input(const Node& node, const Value& value, NumberFormat format, const InputMap& map);
  bool has_integer_input() const;
  bool is_unchanged(const Value& value, const Levels& levels) const;
  /// An add falls in all rows or in none.
  void check_signs(const Node& node, const Layer& layer, const Value& value) const;
  void negate_row(const Node& node, Layer& layer, int row, Line& line) const;
  void check_sums(const Node& node, const Layer& layer) const;
  void fit_add_tables(const Node& node, Layer& layer, const Value& value,
                      const Levels& levels) const;
  void narrow_to_reachable(const Node& node, const Layer& layer, const Value& value,
                           Levels& levels) const;
  /// A value whose integers a layer can read: levels whose lines do not clip.
  Value as_levels(const Node& node, Value value);
  Value on_grid(const Node& node, Value value);
  Value raw_levels(const Node& node, const Value& value);
  Layer identity_layer(const Value& value) const;
  Value levels_value(const Value& like, int tensor, const Levels& levels) const;

  // onnx_constants.cc
  bool fold(const Node& node);
  Constant folded(const Node& node) const;
  Constant fold_elementwise(const Node& node) const;
  Constant fold_quantizer(const Node& node) const;
  Constant fold_shape(const Node& node) const;
  Constant fold_transpose(const Node& node) const;
  /// Dimensions that Reshape, Flatten, Squeeze or Unsqueeze makes.
  std::vector<int64_t> reshaped(const Node& node, const std::vector<int64_t>& from) const;

  // onnx_quantizers.cc
  void read_quant(const Node& node);
  void read_bipolar_quant(const Node& node);
  void read_multi_threshold(const Node& node);
  void read_trunc(const Node& node);
  void narrow_levels(const Value& x, Levels& levels) const;
  void read_quantize_linear(const Node& node);
  bool is_added(const Node& node) const;
  void read_dequantize_linear(const Node& node);
  void read_requant_shift(const Node& node);
  Levels threshold_levels(const Node& node, const Constant& thresholds, int channels,
                          const std::string& datatype, double scale, double bias) const;

  // onnx_matrix.cc
  struct Weights {
    std::vector<int8_t> integers;  // in the constant's order
    std::vector<Rational> scales;  // [rows]
    int bits = 8;
    bool may_be_binary = false;
  };
  Weights weights_of(const Node& node, size_t index, int rows,
                     const std::function<int(int64_t)>& row_of) const;
  Value product(const Node& node, const Value& x, Layer layer, const Weights& weights);
  void add_bias(const Node& node, Value& value, size_t index) const;
  void set_window(const Node& node, Layer& layer, const Value& x) const;
  void read_conv(const Node& node);
  void read_matmul(const Node& node);
  void read_gemm(const Node& node);
  Value dense(const Node& node, const Value& x, size_t weights, bool transposed);
  void read_qlinear_conv(const Node& node);
  void read_qlinear_matmul(const Node& node);
  void requantize(const Node& node, const Value& sums, const std::vector<double>& scales,
                  double in_scale, size_t out_scale, size_t out_zero);
  Value less_zero(const Node& node, size_t index, size_t zero_index);
  void check_symmetric(const Node& node, size_t zero_index) const;

  // onnx_elementwise.cc
  void read_mul(const Node& node);
  void read_div(const Node& node);
  void read_add(const Node& node);
  void read_sub(const Node& node);
  void read_neg(const Node& node);
  void read_batch_norm(const Node& node);
  void read_relu(const Node& node);
  void read_clip(const Node& node);
  void read_ending(const Node& node);
  void read_identity(const Node& node);
  void read_reshape(const Node& node);
  void read_transpose(const Node& node);
  void read_pad(const Node& node);
  Value sum_of(const Node& node, const Value& a, const Value& b);

  // onnx_pools.cc
  void read_max_pool(const Node& node);
  void read_average_pool(const Node& node);
  void read_global_average_pool(const Node& node);
  void read_quant_average_pool(const Node& node);
  void read_concat(const Node& node);
  Value max_pooled(const Node& node, Layer layer, const Value& x);
  NumberFormat common_format(const std::vector<Value>& parts) const;
  Value averaged(const Node& node, Layer layer, const Value& x);

  // onnx_finn.cc
  void read_mvau(const Node& node);
  void read_vvau(const Node& node);
  void read_thresholding(const Node& node);
  void read_window(const Node& node);
  void read_im2col(const Node& node);
  void read_fm_padding(const Node& node);
  void read_duplicate(const Node& node);
  void read_add_streams(const Node& node);
  void read_streaming_max_pool(const Node& node);
  void read_max_pool_nhwc(const Node& node);
  void read_global_acc_pool(const Node& node);
  void read_xnor_matmul(const Node& node);
  Value matches(const Node& node, const Value& x, size_t weights);
  void make_binary(const Node& node, int tensor, int reader);
  void read_pass(const Node& node);
  void note_folding(const Node& node);
  void finn_activation(const Node& node, const Value& sums, size_t index);
  void unfold(const Node& node, Value x, Extent kernel, Extent stride, Padding padding);

  OnnxFile file_;
  ImportOptions options_;
  Builder builder_;
  std::map<std::string, Value> values_;
  std::map<std::string, std::vector<size_t>> readers_;
  InputMap input_map_;
  bool has_input_ = false;     // something has said what tensor 0 holds
  bool pads_matches_ = false;  // padding is code 0 of bits, not a real 0
  bool is_close_ = false;      // a threshold within 1e-9 of an integer
  std::string ended_;          // the node that ended the network: a softmax
};

/// FINN's name of a datatype as a format: "BIPOLAR", "INT4", "UINT2", "BINARY", "TERNARY"; none for
/// others.
std::optional<NumberFormat> finn_format(const std::string& datatype);

}  // namespace stuckat::importing
