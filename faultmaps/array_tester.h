// A test floor's vectors: which PEs of a weight-stationary array are broken, from column sums
// alone.
//
// [choice] After the idea of FLARE (one pass finds the faulty row of a weight register), in our own
// arithmetic: with the vector of zeros as a baseline, a column's response to operands x is sum over
// rows of w(r) * x(r); a broken PE answers as if its weight were w(r) + e(r). Operands 1, and the
// low and the high digit of the row's number plus 1, give sum e, sum e*(low+1), sum e*(high+1):
// where one PE of the column is broken, their ratios are its row. Two further vectors confirm it; a
// column that does not confirm is tried row by row.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "faultmaps/systolic_array.h"

namespace stuckat {

/// The array on the tester: loads weights [rows * columns], takes one vector of operands [rows],
/// and gives the column sums [columns].
using ArrayUnderTest = std::function<std::vector<int64_t>(const std::vector<int>& weights,
                                                          const std::vector<int>& operands)>;

struct TestedArray {
  PeSet broken;              ///< [row * columns + column]
  int64_t vectors = 0;       ///< that were applied
  int64_t slow_columns = 0;  ///< tried row by row
};

/// Tests with every weight pattern given (each bit of a weight register should be 0 in one and 1 in
/// another, such as all 0 and all -1: an empty list means these two). A PE is found if for some
/// pattern its answer is not that of the pattern's weight, and exactly these PEs are, as long as
/// PEs answer in proportion to their operand and errors of a column do not cancel in all three
/// sums; `thorough` tries every column row by row, where they cannot, with operands 1 and -1.
/// Throws InputError for an array without rows or columns, or of more than 16,129 rows (digits
/// within 7 bits).
TestedArray test_array(int rows, int columns, const ArrayUnderTest& array, bool thorough = false,
                       std::vector<int> patterns = {});

}  // namespace stuckat
