// Puts a network together, layer by layer, with bounds on what a file can ask for. Inside
// workloads/import only.
#pragma once

#include <functional>
#include <string>

#include "workloads/import/import.h"

namespace stuckat::importing {

class Builder {
 public:
  /// `where`: the file, in messages.
  explicit Builder(std::string where) : where_(std::move(where)) {}

  /// The network's input, tensor 0. Once, before the first layer.
  void set_input(Shape shape, NumberFormat format);
  Shape shape(int tensor) const;
  NumberFormat format(int tensor) const;

  /// A layer of a kind that reads `inputs`, with their shape and format filled in.
  Layer layer_on(LayerKind kind, const std::vector<int>& inputs) const;
  /// Fills in the output's shape by the kind; appends; returns the tensor that it makes. Names it
  /// after its kind and number. Throws InputError if there are too many layers or elements.
  int add(Layer layer);
  /// The layer that makes `tensor`.
  Layer& producer(int tensor) { return network_.layers[static_cast<size_t>(tensor - 1)]; }
  const Layer& producer(int tensor) const {
    return network_.layers[static_cast<size_t>(tensor - 1)];
  }
  int layers() const { return static_cast<int>(network_.layers.size()); }

  /// The network whose result is `result`: layers that it does not need are left out. Validated.
  Network finish(int result, const std::string& name);

  const std::string& where() const { return where_; }
  /// Throws InputError(where, "node 'N' (OP): what", remedy).
  [[noreturn]] void refuse(const std::string& node, const std::string& operation,
                           const std::string& what, const std::string& remedy) const;

  Imported result;

 private:
  std::string where_;
  Network network_;
  Shape input_;
  NumberFormat input_format_;
  int64_t elements_ = 0;
};

/// Smallest format that holds `low` .. `high`: unsigned, or two's complement with all values.
NumberFormat format_holding(int64_t low, int64_t high);
/// Of codes low .. high less a zero point: that, or all 8 bits of the codes and their zero point
/// where it would take more.
NumberFormat format_less_zero_point(int64_t low, int64_t high, int64_t zero);

/// Of weights with these values: binary where all are -1 or +1 and `may_be_binary`, else signed, of
/// at least `bits` bits.
NumberFormat weight_format_holding(const std::vector<int8_t>& weights, int bits,
                                   bool may_be_binary);

/// Thresholds of row `row` of layer.output_format so that the row gives level(sum), which must rise
/// with the sum and may be beyond the format's levels on either side.
void search_thresholds(Layer& layer, int row, const std::function<int64_t(int64_t)>& level);

/// "convolution 3x3 stride 2, 32x32x16, int8 weights" for the table.
std::string in_short(const Layer& layer);

/// A file's name without folders and ending.
std::string stem_of(const std::string& path);

}  // namespace stuckat::importing
