#include "workloads/import/tflite_arithmetic.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace stuckat::importing {
namespace {

constexpr int fraction_bits = 31;

int32_t within_32_bits(int64_t value) {
  return static_cast<int32_t>(std::clamp<int64_t>(value, std::numeric_limits<int32_t>::min(),
                                                  std::numeric_limits<int32_t>::max()));
}

/// SaturatingRoundingDoublingHighMul: a * b / 2^31, rounded, a tie up. The multipliers
/// here are positive, so that it never saturates.
int32_t doubling_high_product(int32_t a, int32_t b) {
  const int64_t product = int64_t{a} * b;
  const int64_t nudge = product >= 0 ? int64_t{1} << 30 : 1 - (int64_t{1} << 30);
  return static_cast<int32_t>((product + nudge) / (int64_t{1} << fraction_bits));
}

/// RoundingDivideByPOT: value / 2^exponent, rounded, a tie away from zero.
int32_t rounding_shift(int32_t value, int exponent) {
  const int64_t mask = (int64_t{1} << exponent) - 1;
  const int64_t remainder = value & mask;
  const int64_t half = (mask >> 1) + (value < 0 ? 1 : 0);
  return static_cast<int32_t>((int64_t{value} >> exponent) + (remainder > half ? 1 : 0));
}

}  // namespace

TfliteMultiplier TfliteMultiplier::of(double factor) {
  TfliteMultiplier result;
  if (factor == 0.0) return result;
  const double fraction = std::frexp(factor, &result.shift);
  auto fixed = static_cast<int64_t>(std::round(fraction * static_cast<double>(int64_t{1} << 31)));
  if (fixed == int64_t{1} << fraction_bits) {
    fixed /= 2;
    ++result.shift;
  }
  if (result.shift < -fraction_bits) return {};
  result.multiplier = static_cast<int32_t>(fixed);
  return result;
}

TfliteMultiplier TfliteMultiplier::over(int64_t count) const {
  const int bits = static_cast<int>(std::bit_width(static_cast<uint64_t>(count))) - 1;
  const int left = std::min({bits, 32, fraction_bits + shift});
  const int64_t scaled = int64_t{multiplier} * (int64_t{1} << left);
  return {static_cast<int32_t>(scaled / count), shift - left};
}

int32_t TfliteMultiplier::apply(int64_t value) const {
  const int left = std::clamp(shift, 0, fraction_bits - 1);
  const int right = std::clamp(-shift, 0, fraction_bits);
  const int64_t shifted = int64_t{within_32_bits(value)} * (int64_t{1} << left);
  return rounding_shift(doubling_high_product(within_32_bits(shifted), multiplier), right);
}

}  // namespace stuckat::importing
