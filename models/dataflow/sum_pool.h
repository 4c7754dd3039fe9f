// Average-pool: sums of every pixel of one output row, or, after a sliding window, of one word of
// one pixel, and what a channel's thresholds make of them. Padding adds nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/code_mask.h"
#include "models/dataflow/pooled_taps.h"
#include "models/dataflow/threshold_rows.h"

namespace stuckat::dataflow {

class SumPool {
 public:
  /// As MaxPool; sums have `sum_bits` bits, two's complement.
  SumPool(const Layer& layer, int lanes, bool windows, int sum_bits);

  /// Breaks bit `bit` (of a word of sums of sum_bits bits) of the running sums of output column
  /// `column`, word `word`: stuck before the first word, or inverted as it is at the beginning of
  /// `cycle`.
  void stick_sum(int column, int word, int bit, bool one);
  void flip_sum(int column, int word, int bit, int64_t cycle);
  /// A step starts in `cycle`. Before its write() or read().
  void settle(int64_t cycle) {
    if (!flips_.empty()) settle_flips(cycle);
  }

  void begin_image();
  /// The next word of the image, or of its windows.
  void write(const uint64_t* word);
  /// The next word of the output row, or of the window, that is complete; its place starts anew.
  void read(uint64_t* word);

 private:
  int sum_at(int column, int word, int bit) const;
  void store(int at, int32_t sum);
  void settle_flips(int64_t cycle);

  PooledTaps taps_;
  ThresholdRows thresholds_;
  int lanes_;
  int words_per_pixel_;  // that are kept
  int in_bits_;
  int sum_bits_;
  std::vector<int32_t> value_of_;  // [codes of the input format]
  std::vector<int32_t> sums_;      // [places][lanes]
  std::vector<char> empty_;        // [places]
  std::vector<CodeMask> broken_;   // as sums_, or empty: every bit is healthy
  struct Flip {
    int at;  // in sums_
    int bit;
    int64_t cycle;
  };
  std::vector<Flip> flips_;  // those to come
  bool was_flipped_ = false;
  int read_ = 0;  // words of the output row that were read
};

}  // namespace stuckat::dataflow
