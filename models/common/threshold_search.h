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

/// A line through ascending thresholds, from the last of the least ones to the first of the
/// greatest: those that round a scaled sum lie on it, give or take one.
struct ThresholdLine {
  uint64_t slope = 0;  ///< thresholds for a step of the sum, with 32 bits after the point
  uint32_t from = 0;   ///< the threshold that it begins at

  /// count >= 1
  ThresholdLine(const int32_t* thresholds, size_t count) {
    size_t end = count - 1;
    while (from < end && thresholds[from + 1] == thresholds[0]) ++from;
    while (end > from && thresholds[end - 1] == thresholds[count - 1]) --end;
    if (end > from) {
      slope = (uint64_t{end - from} << 32) /
              static_cast<uint64_t>(int64_t{thresholds[end]} - thresholds[from]);
    }
  }
};

/// The same by a line through them: tried where it says, and searched where that is not right.
inline size_t thresholds_below(const int32_t* thresholds, size_t count, const ThresholdLine& line,
                               int32_t sum) {
  if (sum <= thresholds[0]) return 0;
  if (sum > thresholds[count - 1]) return count;
  const auto beyond = static_cast<uint64_t>(int64_t{sum} - thresholds[0] - 1);
  // Of 1 .. count - 1: the first threshold is below the sum, the last one is not.
  size_t at = line.from + 1 + static_cast<size_t>(beyond * line.slope >> 32);
  at += thresholds[at] < sum ? 1 : 0;
  at -= thresholds[at - 1] < sum ? 0 : 1;
  if (thresholds[at - 1] < sum && sum <= thresholds[at]) return at;
  return thresholds_below(thresholds, count, sum);
}

}  // namespace stuckat
