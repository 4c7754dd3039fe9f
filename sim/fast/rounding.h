// Integers rounded to a multiple, and quotients rounded down. Inside sim/fast only.
#pragma once

namespace stuckat::fast {

/// value >= 0
inline int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// divisor > 0
template <typename Integer>
Integer floor_divide(Integer value, Integer divisor) {
  const Integer quotient = value / divisor;
  return value % divisor < 0 ? quotient - 1 : quotient;
}

}  // namespace stuckat::fast
