// One row of a layer with patched parameters or a broken PE, on any window: what
// broken_accumulate() of effects.h computes, with everything prepared that no window changes.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/effects.h"
#include "sim/fast/fault_program.h"

namespace stuckat::fast {

class RowCalculator {
 public:
  /// All must outlive this. Windows have `columns` values, padded ones included, where they may be
  /// broken; accumulator_bits: the register of a healthy PE.
  RowCalculator(const Layer& layer, const SpecialRow& row, const Effects& effects,
                int64_t image_index, int columns, int accumulator_bits);

  /// Values that a window needs: columns, and the padding of the widest PE.
  static int window_size(const Layer& layer, const std::vector<SpecialRow>& rows,
                         const Effects& effects);

  /// Output value at output pixel `pixel`. window: [window_size()], padded_input() after the
  /// layer's columns.
  int32_t value(int pixel, const int16_t* window) const;

  int row() const { return row_.row; }

 private:
  /// A lane whose operand or product is masked.
  struct Lane {
    int lane;
    CodeMask input;
    CodeMask product;
  };
  /// Columns of a systolic array's sum that are added at once: many healthy ones, or a broken one.
  struct Piece {
    int first = 0;
    int count = 0;
    bool is_broken = false;
    bool ends_tile = false;
    bool is_lost = false;  // with the tile that it ends
    CodeMask sum = {}, weight = {}, input = {}, product = {};
  };
  struct Operator {
    const OperatorFault* fault;
    std::vector<int16_t> weights;  // [padded_columns]
    std::vector<Lane> lanes;
    bool is_plain;                   // every weight is one that the formats have: sums need no care
    std::vector<Piece> pieces = {};  // of a chain; none: its flips need care
  };

  static std::vector<Piece> pieces_of(const BrokenPe& pe, int columns);
  int32_t chain_accumulator(const Operator& broken, const int16_t* window) const;

  int32_t plain_accumulator(const int16_t* window) const;
  int32_t accumulator(const Operator& broken, const int16_t* window) const;

  const Layer& layer_;
  const SpecialRow& row_;
  std::vector<int8_t> read_weights_;  // [layer.columns()], patched
  std::vector<int32_t> thresholds_;   // [thresholds], patched
  std::vector<int16_t> weights_;      // [columns], patched, padded ones included
  int accumulator_bits_;
  std::vector<Operator> operators_;  // a later one wins
};

}  // namespace stuckat::fast
