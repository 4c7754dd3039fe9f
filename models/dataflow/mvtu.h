// The values of an MVTU of a dataflow accelerator: words of SIMD input lanes in, words of PE output
// lanes out. The arithmetic is models/common/protected_core's.
#pragma once

#include <cstdint>
#include <vector>

#include "models/common/protected_core.h"

namespace stuckat::dataflow {

class Mvtu {
 public:
  /// `sums`: store() gives accumulators, whatever the layer's output is; threshold() makes codes of
  /// them.
  Mvtu(const Layer& layer, const PeArray& array, bool sums = false,
       const ArrayProtection& protection = {});

  int synapse_fold() const { return synapse_fold_; }  ///< SF = MW / SIMD
  int neuron_fold() const { return neuron_fold_; }    ///< NF = MH / PE; of the groups at once
  void arm(const Fault& fault) { core_.arm(fault); }
  const ProtectedCore& core() const { return core_; }

  /// The next SIMD columns of the window, of each group that PE rows are of. After the last ones
  /// all rows of these groups are computed. Lanes: pixels of the window, of each the groups, of
  /// each its channels.
  void load(const uint64_t* word);
  /// The window that is complete once more, as the folds from now on see it: [synapse fold][limbs].
  void reload(const uint64_t* words, int limbs);
  /// Rows fold*PE .. fold*PE + PE-1, from the first of its groups on, of the window that is
  /// complete; padded rows are 0.
  void store(int fold, uint64_t* word);
  /// A word of accumulators of rows `row` .. row + lanes - 1 into one of codes.
  void threshold(int row, int lanes, const uint64_t* sums, uint64_t* codes);
  int rows() const { return rows_; }

  /// Transients are armed: every step of a fold reports its cycle before store().
  bool has_flips() const { return core_.has_flips(); }
  void step_starts(int step, int64_t cycle) { step_cycles_[static_cast<size_t>(step)] = cycle; }

 private:
  void unpack(int step, const uint64_t* word);
  void load_window();
  void load_group(int group);
  void read_padding();

  ProtectedCore core_;
  NumberFormat input_format_;
  NumberFormat output_format_;
  bool accumulator_output_;
  bool xnor_;
  int pe_;
  int simd_;
  int out_bits_;  // of what store() gives
  int sum_bits_;
  int synapse_fold_;
  int neuron_fold_;
  int rows_;
  int columns_;
  int pixels_;
  bool binary_input_;
  std::vector<int32_t> value_of_;  // [codes of the input format]
  std::vector<uint32_t> code_of_;  // [output values from output_low_ on]
  int32_t output_low_ = 0;
  int groups_at_once_;
  int group_rows_;               // of each group
  int group_lanes_;              // of the channels of a group that follow each other in a word
  int blocks_;                   // windows of some groups at once, at each pixel
  int block_ = 0;                // of the next window
  int window_block_ = 0;         // of the complete one
  std::vector<int32_t> window_;  // [groups at once][padded columns] values, or
  std::vector<std::vector<uint64_t>> codes_;  // [groups at once][limbs] 1-bit codes
  std::vector<int32_t> outputs_;              // [rows]
  std::vector<int32_t> sums_;                 // [rows], scratch of threshold()
  int loaded_ = 0;                            // words of the window
  int pixel_ = 0;
  int window_pixel_ = 0;              // of the complete window
  std::vector<int64_t> step_cycles_;  // [synapse fold]
  int32_t padding_value_;
  std::vector<int32_t> padding_;  // [padded columns - columns]: what came in the last words
};

}  // namespace stuckat::dataflow
