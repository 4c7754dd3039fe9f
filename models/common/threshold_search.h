// How many thresholds lie below a sum, where they are many.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stuckat {

/// Of `count` ascending thresholds; by bisection without a branch, as sums are hard to foretell.
inline size_t thresholds_below(const int32_t* thresholds, size_t count, int32_t sum) {
  const int32_t* first = thresholds;
  while (count > 1) {
    const size_t half = count / 2;
    first += first[half - 1] < sum ? half : 0;
    count -= half;
  }
  return static_cast<size_t>(first - thresholds) + (count == 1 && *first < sum ? 1 : 0);
}

}  // namespace stuckat
