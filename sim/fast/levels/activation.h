// A layer's thresholds as they are applied to sums: how many of a row's lie below a sum.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
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

/// count(sum) = slope * sum + offset, rounded to zero and kept within lowest .. highest, for every
/// sum from least to greatest: in double precision (single is too coarse for sums that take a
/// thousand steps to a level), whether or not product and sum are rounded apart.
struct Line {
  double slope = 0;
  double offset = 0;
  int32_t lowest = 0;
  int32_t highest = 0;
};

/// The line of a row, if there is one. It is taken only if it gives the right count on both sides
/// of every threshold, between which both counts rise with the sum and so are the same.
std::optional<Line> fit_line(const RowThresholds& row);

/// The line that is nearest to the row's counts, if it is nowhere off by more than one: of
/// thresholds that were rounded twice, say.
std::optional<Line> near_line(const RowThresholds& row);

/// Lines whose sum is the count, each of some consecutive thresholds: none if more than `most` are
/// needed. Rounding of a scaled sum takes one almost always; two where it differs by sign.
std::vector<Line> fit_lines(const RowThresholds& row, size_t most);

/// Thresholds of all rows, in blocks of 16 rows. What an element of the output is set to is
/// first_level + count(sum).
class Activation {
 public:
  /// count: compares with every threshold, at most 15; lines: a few lines; near: a line, and the
  /// two thresholds beside what it gives; search: halves the list.
  enum class Way : uint8_t { count, lines, near, search };

  Activation() = default;
  /// rows: [blocks * 16], each with the same number of thresholds; those of slots that no row has
  /// are never reached.
  Activation(const std::vector<RowThresholds>& rows, int first_level);

  int thresholds() const { return thresholds_; }
  int first_level() const { return first_level_; }
  Way way(int block) const { return ways_[static_cast<size_t>(block)]; }
  /// [thresholds][slots]
  const int32_t* counted() const { return counted_.data(); }
  /// Lines of a block's rows: those of a row that has fewer give nothing.
  int lines(int block) const { return lines_[static_cast<size_t>(block)]; }
  /// The four numbers of a line, each [lines][slots].
  const double* slopes() const { return slopes_.data(); }
  const double* offsets() const { return offsets_.data(); }
  const int32_t* lowest() const { return lowest_.data(); }
  const int32_t* highest() const { return highest_.data(); }
  /// Sums for which the block's way gives the right count, those that its row's weights cannot make
  /// among them: from `first` to `second`.
  std::pair<int32_t, int32_t> right_between(int slot) const {
    const Way way = ways_[static_cast<size_t>(slot / block_rows)];
    if (way != Way::lines && way != Way::near) return {INT32_MIN, INT32_MAX};
    return within_[static_cast<size_t>(slot)];
  }
  /// [slots][thresholds + 2]: between the least and the greatest integer.
  const int32_t* enclosed() const { return enclosed_.data(); }
  /// first_level + count of one row.
  int level(int slot, int32_t sum) const;

 private:
  int thresholds_ = 0;
  int first_level_ = 0;
  std::vector<Way> ways_;           // [blocks]
  std::vector<int> lines_;          // [blocks]
  std::vector<int32_t> sorted_;     // [slots][thresholds]
  AlignedVector<int32_t> counted_;  // only if some block counts
  AlignedVector<double> slopes_;    // these only if some block has lines
  AlignedVector<double> offsets_;
  AlignedVector<int32_t> lowest_;
  AlignedVector<int32_t> highest_;
  std::vector<int32_t> enclosed_;
  std::vector<std::pair<int32_t, int32_t>> within_;  // [slots]: sums for which its lines are right
};

}  // namespace stuckat::fast
