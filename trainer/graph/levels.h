// From sums to levels: a value is the number of thresholds strictly below the sum. Formats of many
// levels have hundreds of thresholds: the level is guessed by a line through them, and put right.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/elementwise.h"

namespace stuckat::trainer {

/// The steps of a layer (elementwise.h) as they are looked up.
class Levels {
 public:
  /// On integers, or with steps.edges on real numbers.
  explicit Levels(const MultiThreshold& steps);

  /// values[pixel][channel][16] of one block; 0 in lanes from `samples` on. Of integers, or of real
  /// numbers as the steps were.
  void apply(const int32_t* sums, int pixels, int samples, int16_t* values) const;
  void apply(const float* sums, int pixels, int samples, int16_t* values) const;

  /// One channel: thresholds t[0] = lowest, t[1] .. t[count], t[count + 1] = greatest: level k is
  /// that with t[k] < sum <= t[k + 1].
  template <class Sum>
  struct Row {
    const Sum* t = nullptr;
    float first = 0;  ///< the guess: (sum - first) * slope
    float slope = 0;
  };
  template <class Sum>
  struct Table {
    std::vector<Sum> thresholds;  // [channel][count + 2]
    std::vector<Row<Sum>> rows;   // [channel]
  };

 private:
  template <class Sum>
  void fill(const std::vector<Sum>& thresholds, Sum lowest, Sum greatest, Table<Sum>& table);

  int count_ = 0;
  int lowest_ = 0;
  int height_ = 1;
  std::vector<int32_t> sign_;
  bool sorted_ = true;  // broken thresholds need not ascend: then all are looked at
  Table<int32_t> whole_;
  Table<float> real_;
};

}  // namespace stuckat::trainer
