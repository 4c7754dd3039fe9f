#include "faultmaps/array_tester.h"

#include <algorithm>
#include <string>

#include "workloads/errors.h"

namespace stuckat {
namespace {

class Tester {
 public:
  Tester(int rows, int columns, const ArrayUnderTest& array, TestedArray& result)
      : rows_(rows), columns_(columns), array_(array), result_(result) {
    while (base_ * base_ < rows) ++base_;
  }

  void run(int pattern, bool thorough) {
    pattern_ = pattern;
    weights_.assign(static_cast<size_t>(rows_) * static_cast<size_t>(columns_), pattern);
    baseline_ = apply(std::vector<int>(static_cast<size_t>(rows_), 0));
    const auto ones = errors([](int) { return 1; });
    const auto low = errors([&](int row) { return row % base_ + 1; });
    const auto high = errors([&](int row) { return row / base_ + 1; });
    std::vector<int> suspects(static_cast<size_t>(columns_), nobody);
    std::vector<bool> slow(static_cast<size_t>(columns_), thorough);
    for (int c = 0; c < columns_; ++c) {
      const auto i = static_cast<size_t>(c);
      if (ones[i] == 0 && low[i] == 0 && high[i] == 0) continue;
      suspects[i] = suspect(ones[i], low[i], high[i]);
      slow[i] = slow[i] || suspects[i] == nobody;
    }
    confirm(ones, suspects, slow);
    try_rows(slow);
  }

 private:
  static constexpr int nobody = -1;

  std::vector<int64_t> apply(const std::vector<int>& operands) {
    ++result_.vectors;
    return array_(weights_, operands);
  }
  /// Of each column: its response, less what healthy PEs would answer.
  template <class Operand>
  std::vector<int64_t> errors(const Operand& operand) {
    std::vector<int> operands;
    int64_t healthy = 0;
    for (int row = 0; row < rows_; ++row) {
      operands.push_back(operand(row));
      healthy += int64_t{pattern_} * operands.back();
    }
    std::vector<int64_t> sums = apply(operands);
    for (size_t c = 0; c < sums.size(); ++c) sums[c] -= baseline_[c] + healthy;
    return sums;
  }
  int suspect(int64_t ones, int64_t low, int64_t high) const {
    if (ones == 0 || low % ones != 0 || high % ones != 0) return nobody;
    const int64_t l = low / ones - 1;
    const int64_t h = high / ones - 1;
    const int64_t row = h * base_ + l;
    return l >= 0 && l < base_ && h >= 0 && row < rows_ ? static_cast<int>(row) : nobody;
  }
  void found(int row, int column) {
    result_.broken[static_cast<size_t>(row) * static_cast<size_t>(columns_) +
                   static_cast<size_t>(column)] = true;
  }

  /// All suspects of a row at once: its operand alone, and all others, must tell the same.
  void confirm(const std::vector<int64_t>& ones, const std::vector<int>& suspects,
               std::vector<bool>& slow) {
    std::vector<int> rows = suspects;
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    for (const int row : rows) {
      if (row == nobody) continue;
      const auto alone = errors([&](int r) { return r == row ? 1 : 0; });
      const auto others = errors([&](int r) { return r == row ? 0 : r % 2 == 0 ? 1 : 2; });
      for (int c = 0; c < columns_; ++c) {
        const auto i = static_cast<size_t>(c);
        if (suspects[i] != row) continue;
        if (alone[i] == ones[i] && others[i] == 0) {
          found(row, c);
        } else {
          slow[i] = true;
        }
      }
    }
  }

  void try_rows(const std::vector<bool>& slow) {
    const auto count = std::count(slow.begin(), slow.end(), true);
    result_.slow_columns += count;
    if (count == 0) return;
    for (int row = 0; row < rows_; ++row) {
      for (const int operand : {1, -1}) {
        const auto error = errors([&](int r) { return r == row ? operand : 0; });
        for (int c = 0; c < columns_; ++c) {
          const auto i = static_cast<size_t>(c);
          if (slow[i] && error[i] != 0) found(row, c);
        }
      }
    }
  }

  const int rows_;
  const int columns_;
  const ArrayUnderTest& array_;
  TestedArray& result_;
  int base_ = 1;  // digits of row numbers
  int pattern_ = 0;
  std::vector<int> weights_;
  std::vector<int64_t> baseline_;
};

}  // namespace

TestedArray test_array(int rows, int columns, const ArrayUnderTest& array, bool thorough,
                       std::vector<int> patterns) {
  constexpr int most_rows = 16'129;
  if (rows < 1 || rows > most_rows || columns < 1) {
    throw InputError("array under test", std::to_string(rows) + "x" + std::to_string(columns),
                     "1 to 16129 rows, a column at least");
  }
  if (patterns.empty()) patterns = {0, -1};
  TestedArray result;
  result.broken.resize(static_cast<size_t>(rows) * static_cast<size_t>(columns));
  Tester tester(rows, columns, array, result);
  for (const int pattern : patterns) tester.run(pattern, thorough);
  return result;
}

}  // namespace stuckat
