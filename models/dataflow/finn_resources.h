// What FINN estimates that a matrix-vector unit takes of an FPGA, before any synthesis: Blott et
// al., FINN-R (2018), with the constants of finn/custom_op/fpgadataflow/matrixvectoractivation.py.
// FIFOs and sliding windows are not in it.
#pragma once

#include <cstdint>

namespace stuckat::dataflow {

struct MvauShape {
  int64_t rows = 0;     ///< padded
  int64_t columns = 0;  ///< padded
  int pe = 1;
  int simd = 1;
  int weight_bits = 1;
  int input_bits = 1;
  int output_bits = 0;  ///< of activations that come from thresholds; 0: sums come out
};

/// Multipliers, adder trees, accumulators, thresholds with their comparators; weights in block RAM.
int64_t finn_luts(const MvauShape& mvau);
/// RAMB18 of the weights, in memory words of PE * SIMD weights.
int64_t finn_bram18(const MvauShape& mvau);
/// Instead of the LUTs of the multipliers.
int64_t finn_dsps(const MvauShape& mvau);

}  // namespace stuckat::dataflow
