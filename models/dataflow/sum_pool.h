// Average-pool: sums of every pixel of one output row, or, after a sliding window, of one word of
// one pixel, and what a channel's thresholds make of them. Padding adds nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "models/dataflow/pooled_taps.h"
#include "models/dataflow/threshold_rows.h"

namespace stuckat::dataflow {

class SumPool {
 public:
  /// As MaxPool; sums leave in `sum_bits` bits where the layer passes them out.
  SumPool(const Layer& layer, int lanes, bool windows, int sum_bits);

  void settle(int64_t /*cycle*/) {}
  void begin_image();
  /// The next word of the image, or of its windows.
  void write(const uint64_t* word);
  /// The next word of the output row, or of the window, that is complete; its place starts anew.
  void read(uint64_t* word);

 private:
  PooledTaps taps_;
  ThresholdRows thresholds_;
  int lanes_;
  int in_bits_;
  std::vector<int32_t> value_of_;  // [codes of the input format]
  std::vector<int32_t> sums_;      // [places][lanes]
  int read_ = 0;                   // words of the output row that were read
};

}  // namespace stuckat::dataflow
