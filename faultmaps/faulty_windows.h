// What a layer's broken operands and windows make it read in one image of a run.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "faultmaps/effects.h"

namespace stuckat {

/// The format of a layer's input `input`.
NumberFormat operand_format(const Layer& layer, int input);

/// The layer's input `input` has operand faults.
bool has_operands(const std::vector<OperandFault>& faults, int index, int input = 0);

/// The layer's input as its windows find it: padding around, operand faults applied.
Tensor padded_operands(const Layer& layer, int index, const std::vector<OperandFault>& faults,
                       const Tensor& input, int64_t image_index);
/// Input `of` of a layer without weights, which padding takes no part in, operand faults applied.
Tensor held_operands(const Layer& layer, int index, int of, const std::vector<OperandFault>& faults,
                     const Tensor& input, int64_t image_index);

/// What a layer's window faults change in one image.
class WindowEdits {
 public:
  /// Columns that a window must have: of the layer, or padded ones of a fault.
  static int columns(const Layer& layer, int index, const std::vector<WindowFault>& faults);

  WindowEdits(const Layer& layer, int index, const std::vector<WindowFault>& faults,
              int64_t image_index);

  bool empty() const { return by_pixel_.empty(); }
  bool touches(int pixel) const { return by_pixel_.count(pixel) > 0; }
  /// Some fault is for some rows only.
  bool by_row() const { return by_row_; }
  /// The window at an output pixel as a row reads it; window: [columns()] values.
  template <typename Value>
  void apply(int pixel, int row, Value* window) const {
    const auto at = by_pixel_.find(pixel);
    if (at == by_pixel_.end()) return;
    for (const Edit& edit : at->second) {
      if (!has_row(*edit.fault, row)) continue;
      Value& value = window[edit.column];
      value = static_cast<Value>(format_.value(edit.fault->mask.apply(format_.code(value))));
    }
  }
  /// Registers of the array that computes the layer; 32 without faults.
  int accumulator_bits() const { return accumulator_bits_; }

 private:
  struct Edit {
    const WindowFault* fault;  // of the list given
    int column;
  };
  static bool has_row(const WindowFault& fault, int row);

  NumberFormat format_;
  std::map<int, std::vector<Edit>> by_pixel_;  // in the order of their points
  bool by_row_ = false;
  int accumulator_bits_ = 32;
};

}  // namespace stuckat
