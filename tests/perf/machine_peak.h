// What one core of this machine can do at best, measured: the two inner operations of sim/fast.
#pragma once

namespace stuckat::bench {

struct MachinePeak {
  double bit_products = 0;  ///< per second: AND, popcount and sum of bits, operands in registers
  double additions = 0;     ///< per second: 8-bit additions of a vector from the first-level cache
};

MachinePeak measure_peak();

}  // namespace stuckat::bench
