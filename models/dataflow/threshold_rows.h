// What the sums of a layer without PEs leave as: a pool's, an add's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "models/common/threshold_search.h"
#include "models/dataflow/words.h"
#include "workloads/network.h"

namespace stuckat::dataflow {

/// Thresholds of every channel, and the codes of the levels; or sums as they are.
class ThresholdRows {
 public:
  /// sum_bits: of a sum that is passed out, two's complement.
  ThresholdRows(const Layer& layer, int sum_bits)
      : sums_(layer.accumulator_output),
        bits_(sums_ ? sum_bits : layer.output_format.bits),
        per_row_(layer.thresholds_per_row()),
        thresholds_(layer.thresholds) {
    if (sums_) return;
    // In any order: the number of those below is the same.
    for (auto row = thresholds_.begin(); row != thresholds_.end(); row += per_row_) {
      std::sort(row, row + per_row_);
      lines_.emplace_back(&*row, static_cast<size_t>(per_row_));
    }
    for (int i = 0; i <= per_row_; ++i) {
      codes_.push_back(layer.output_format.code(layer.output_format.level(i)));
    }
  }

  int bits() const { return bits_; }

  /// A word of what becomes of the sums of `lanes` channels from `first` on.
  void word_of(int first, int lanes, const int32_t* sums, uint64_t* word) const {
    std::fill_n(word, limbs_for(lanes * bits_), 0);
    for (int lane = 0; lane < lanes; ++lane) {
      add_bits(word, lane * bits_, bits_, code_of(first + lane, sums[lane]));
    }
  }

 private:
  uint64_t code_of(int channel, int32_t sum) const {
    if (sums_) return static_cast<uint64_t>(static_cast<uint32_t>(sum)) & low_mask(bits_);
    const int32_t* row = thresholds_.data() + channel * per_row_;
    return codes_[thresholds_below(row, static_cast<size_t>(per_row_),
                                   lines_[static_cast<size_t>(channel)], sum)];
  }

  bool sums_;
  int bits_;
  int per_row_;
  std::vector<int32_t> thresholds_;   // [channels][per row], ascending
  std::vector<ThresholdLine> lines_;  // [channels]
  std::vector<uint32_t> codes_;       // [levels]
};

}  // namespace stuckat::dataflow
