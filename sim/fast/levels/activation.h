// A layer's thresholds as they are applied to sums: how many of a row's lie below a sum.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/fast/aligned_vector.h"

namespace stuckat::fast {

inline constexpr int block_rows = 16;

/// The thresholds of one row that matter for sums from `least` to `greatest`.
struct RowThresholds {
  std::vector<int32_t> ascending;
  int64_t least = 0;
  int64_t greatest = 0;

  /// How many lie strictly below `sum`.
  int count(int64_t sum) const;
};

/// count(sum) = floor(slope * sum + offset), kept within lowest .. highest, for every sum from
/// least to greatest: in single precision, whether or not product and sum are rounded apart.
struct Line {
  float slope = 0;
  float offset = 0;
  float lowest = 0;
  float highest = 0;
};

/// The line of a row, if there is one. Rounding of a scaled sum has one almost always; it is taken
/// only if it gives the right count on both sides of every threshold, between which both counts
/// rise with the sum and so are the same.
std::optional<Line> fit_line(const RowThresholds& row);

/// Thresholds of all rows, in blocks of 16 rows. What an element of the output is set to is
/// first_level + count(sum).
class Activation {
 public:
  /// Counting compares with every threshold, at most 15; searching halves the list.
  enum class Way : uint8_t { count, line, search };

  Activation() = default;
  /// rows: [blocks * 16], each with the same number of thresholds; those of slots that no row has
  /// are never reached.
  Activation(const std::vector<RowThresholds>& rows, int first_level);

  int thresholds() const { return thresholds_; }
  int first_level() const { return first_level_; }
  Way way(int block) const { return ways_[static_cast<size_t>(block)]; }
  /// [thresholds][slots]
  const int32_t* counted() const { return counted_.data(); }
  /// The four numbers of a line, each [slots].
  const float* slopes() const { return slopes_.data(); }
  const float* offsets() const { return offsets_.data(); }
  const float* lowest() const { return lowest_.data(); }
  const float* highest() const { return highest_.data(); }
  /// first_level + count of one row.
  int level(int slot, int32_t sum) const;

 private:
  int thresholds_ = 0;
  int first_level_ = 0;
  std::vector<Way> ways_;                // [blocks]
  std::vector<int32_t> sorted_;          // [slots][thresholds]
  AlignedVector<int32_t> counted_;       // only if some block counts
  AlignedVector<float> slopes_;          // these only if some block has lines
  AlignedVector<float> offsets_;
  AlignedVector<float> lowest_;
  AlignedVector<float> highest_;
};

}  // namespace stuckat::fast
