// The integer arithmetic of TensorFlow Lite Micro's reference kernels (int8, double rounding), as
// its documentation and gemmlowp's define it. Inside workloads/import only.
#pragma once

#include <cstdint>

namespace stuckat::importing {

/// A real factor as multiplier * 2^(shift - 31), multiplier in 2^30 .. 2^31 - 1
/// (QuantizeMultiplier).
struct TfliteMultiplier {
  int32_t multiplier = 0;
  int shift = 0;

  /// `factor` >= 0 and finite.
  static TfliteMultiplier of(double factor);
  /// The same of a mean of `count` values, as MEAN divides: the multiplier is shifted left by as
  /// many bits as count has after its first one, then divided, rounded down.
  TfliteMultiplier over(int64_t count) const;
  /// MultiplyByQuantizedMultiplier: doubling high product, rounded, then a rounding right shift.
  /// Rises with `value`; beyond 32 bits, where the kernels are undefined, it stays at the end.
  int32_t apply(int64_t value) const;
};

}  // namespace stuckat::importing
