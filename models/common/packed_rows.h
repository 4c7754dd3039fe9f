// Exact matrix-vector products of small integers by AND and popcount on bit planes.
//
// The value of a stored code is affine in its bits, value = offset + sum_k factor[k] * bit k
// (binary: -1 + 2*b0; two's complement: the top factor is negative), so with weight planes W_j and
// activation planes X_k
//   sum_i w_i x_i = n*ow*ox + ow * sum_k fx_k |X_k| + ox * sum_j fw_j |W_j|
//                 + sum_jk fw_j fx_k |W_j & X_k|,    |.| the popcount, n the number of columns.
// Where operands have so many bits that there are more pairs of planes than values in an
// instruction, values are multiplied instead.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/number_format.h"

namespace stuckat {

/// Of an operand.
inline constexpr int most_code_bits = 9;

/// value(code) = offset + sum_k factor[k] * (bit k of code), 1 to 9 bits.
struct AffineCode {
  int bits = 1;
  int32_t offset = 0;
  int32_t factor[most_code_bits] = {};

  explicit AffineCode(NumberFormat format);
};

/// One vector of values as bit planes, or as they are: word w of plane k is at planes[k*words + w].
struct PackedVector {
  std::vector<uint64_t> planes;
  std::vector<int16_t> values;  ///< instead of planes; padded with 0
  int32_t weighted_ones = 0;    ///< sum_k factor[k] * |plane k|
};

class PackedRows {
 public:
  PackedRows(NumberFormat weight_format, NumberFormat input_format, int rows, int columns);

  /// `values`: [columns] weights as they are read, broken bits included.
  void set_row(int row, const int8_t* values);
  /// `values`: [columns]; reuses the memory of `packed`.
  void pack(const int32_t* values, PackedVector& packed) const;
  /// The same from the codes of a 1-bit format, column c in bit c mod 64 of word c/64.
  void pack_codes(const uint64_t* codes, PackedVector& packed) const;
  /// The signed sum of weight * activation of rows first .. last-1 into sums[0 ..].
  void multiply(const PackedVector& window, int first, int last, int32_t* sums) const;

 private:
  size_t plane_at(int row, int bit) const {
    return static_cast<size_t>(row * weight_.bits + bit) * static_cast<size_t>(words_);
  }

  NumberFormat weight_format_;
  NumberFormat input_format_;
  AffineCode weight_;
  AffineCode input_;
  bool by_values_;
  int columns_;
  int words_;
  int padded_;                          // columns of rows of values
  std::vector<int16_t> values_;         // [row][padded columns], instead of planes
  std::vector<uint64_t> planes_;        // [row][bit][word]
  std::vector<int32_t> weighted_ones_;  // [row]
};

}  // namespace stuckat
