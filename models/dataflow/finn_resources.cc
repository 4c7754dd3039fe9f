#include "models/dataflow/finn_resources.h"

#include <cmath>

namespace stuckat::dataflow {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

int64_t finn_luts(const MvauShape& m) {
  constexpr double base = 300;      // control
  constexpr double overhead = 1.1;  // measured over what is counted below
  constexpr int64_t lutram_words = 64;
  const int64_t operands = m.weight_bits + m.input_bits;
  const int64_t multipliers = m.simd * (2 * ceil_div(operands, 6) - 1) * operands;
  const int64_t adder_tree = operands * (2 * int64_t{m.simd} - 1);
  const auto accumulator =
      operands + static_cast<int64_t>(std::ceil(std::log2(static_cast<double>(m.columns))));
  int64_t thresholds = 0;
  if (m.output_bits > 0) {
    const int64_t steps = (int64_t{1} << m.output_bits) - 1;
    const int64_t words = ceil_div(m.rows / m.pe, lutram_words);
    thresholds = steps * accumulator * words + steps * accumulator;
  }
  return static_cast<int64_t>(
      base +
      overhead * static_cast<double>(m.pe * (multipliers + adder_tree + accumulator + thresholds)));
}

int64_t finn_bram18(const MvauShape& m) {
  const int64_t width = int64_t{m.pe} * m.simd * m.weight_bits;
  const int64_t words = m.rows * m.columns / (int64_t{m.pe} * m.simd);
  // The shapes that a RAMB18 has in simple dual-port mode (UG573, table 1-10).
  if (width == 1) return ceil_div(words, 16384);
  if (width == 2) return ceil_div(words, 8192);
  if (width <= 4) return ceil_div(words, 4096);
  if (width <= 9) return ceil_div(words, 2048);
  if (width <= 18 || words > 512) return ceil_div(words, 1024) * ceil_div(width, 18);
  return ceil_div(words, 512) * ceil_div(width, 36);
}

int64_t finn_dsps(const MvauShape& m) {
  return int64_t{m.pe} * m.simd * ceil_div(m.weight_bits + m.input_bits, 48);
}

}  // namespace stuckat::dataflow
