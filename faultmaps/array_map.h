// Where an array of PEs computes the rows of a layer, where it stores their weights and thresholds,
// and in which step of its loop it uses them: all that lowering and the site table know about a
// schedule. The simulator's cores work this out for themselves: they are the check.
#pragma once

#include <vector>

#include "faultmaps/placement.h"
#include "workloads/network.h"

namespace stuckat {

/// An array that computes R rows at P output pixels at once, S = SIMD columns of them in a step:
/// channel-parallel R = PE, P = 1; pixel-parallel R = 1, P = PE. Then in step `step` of fold `fold`
/// and pass `pass` (timeline.h, ArrayStep)
///   row = fold*R + PE mod R, output pixel = pass*P + PE div R, column = step*S + lane,
/// and the weight of row and column lies at address fold*steps + step, in that lane, the thresholds
/// of the row at address fold (docs/hardware.md, MVTU). Rows, columns and pixels beyond those of
/// the layer are padding. PEs share the operands of a step: where the layer has groups, the rows
/// of a fold are of one of them, each group's folds after the other's, its rows counted in it; or
/// of several together, where PEs have operands of their own (ArrayUse::groups_at_once).
class ArrayMap {
 public:
  struct Output {
    int row = 0;
    int pixel = 0;
  };
  struct Weight {
    int row = 0;
    int column = 0;
  };
  struct Step {
    int pass = 0;
    int fold = 0;
    int step = 0;
  };

  ArrayMap(const PeArray& array, const ArrayUse& use, const Layer& layer)
      : layer_rows_(layer.rows()),
        layer_pixels_(layer.output.pixels()),
        splits_rows_(array.schedule == Schedule::channel_parallel),
        rows_at_once_(splits_rows_ ? array.pe : 1),
        pixels_at_once_(splits_rows_ ? 1 : array.pe),
        simd_(array.simd),
        folds_(splits_rows_ ? use.rows / array.pe : layer_rows_),
        steps_(use.columns / array.simd),
        group_rows_(layer_rows_ / layer.groups * use.groups_at_once),
        group_folds_(folds_ / (layer.groups / use.groups_at_once)) {}

  /// Rows of the layer that the PE computes; none where it computes all of them, at its pixels.
  std::vector<int> rows(int pe) const;
  /// Output pixels at which it does; none where it does at all of them.
  std::vector<int> pixels(int pe) const;
  /// Some row of the layer at some pixel.
  bool computes(int pe) const {
    return pe % rows_at_once_ < group_rows_ && pe / rows_at_once_ < layer_pixels_;
  }
  int pe_of(int row, int pixel) const {
    return row % group_rows_ % rows_at_once_ + pixel % pixels_at_once_ * rows_at_once_;
  }

  /// All PEs read one memory of weights and one of thresholds. Otherwise each has its own; `pe`
  /// below says whose, and is 0 for a memory that all read.
  bool broadcasts() const { return !splits_rows_; }
  int folds() const { return folds_; }
  int steps() const { return steps_; }  ///< of a fold
  int weight_addresses() const { return folds_ * steps_; }
  Weight weight_at(int pe, int address, int lane) const {
    return {row_at(address / steps_, pe), address % steps_ * simd_ + lane};
  }
  /// Row whose thresholds lie at an address, 0 .. folds()-1.
  int threshold_row(int pe, int address) const { return row_at(address, pe); }

  /// When a row meets a column, counted in its group, at an output pixel.
  Step step_of(int row, int pixel, int column) const {
    const int fold = row / group_rows_ * group_folds_ + row % group_rows_ / rows_at_once_;
    return {pixel / pixels_at_once_, fold, column / simd_};
  }
  /// What a PE computes in a fold of a pass.
  Output output_of(int pe, int pass, int fold) const {
    return {row_at(fold, pe % rows_at_once_), first_pixel(pass) + pe / rows_at_once_};
  }
  bool is_padding(Output at) const { return at.row >= layer_rows_ || at.pixel >= layer_pixels_; }
  /// The first of a pass; passes take pixels in raster order.
  int first_pixel(int pass) const { return pass * pixels_at_once_; }

 private:
  /// At least layer_rows_ where that is padding.
  int row_at(int fold, int number) const {
    const int in_group = fold % group_folds_ * rows_at_once_ + number;
    return in_group < group_rows_ ? fold / group_folds_ * group_rows_ + in_group
                                  : layer_rows_ + in_group;
  }

  int layer_rows_;
  int layer_pixels_;
  bool splits_rows_;
  int rows_at_once_;
  int pixels_at_once_;
  int simd_;
  int folds_;
  int steps_;
  int group_rows_;  // of the groups that a fold is of
  int group_folds_;
};

/// first, first + step, ... below end.
std::vector<int> multiples(int first, int step, int end);

}  // namespace stuckat
