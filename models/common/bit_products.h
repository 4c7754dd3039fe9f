// The inner loops of PackedRows: compiled once for each instruction set, chosen at run time
// (Highway).
#pragma once

#include <cstdint>

#include "models/common/packed_rows.h"

namespace stuckat {

/// A matrix of bit planes times a vector of bit planes.
struct BitProducts {
  const uint64_t* rows;    // [row][weight bit][word]
  const uint64_t* window;  // [input bit][word]
  int words;
  int weight_bits;
  int input_bits;
  int32_t factors[most_code_bits][most_code_bits];  // [weight bit][input bit]
};

/// sums[r] += sum_jk factors[j][k] * |row r's plane j & the window's plane k|
void add_products(const BitProducts& products, int rows, int32_t* sums);

/// Columns of a row of values are padded with 0 to a multiple of it.
inline constexpr int values_at_once = 32;
/// sums[r] += the product of row r and the window: rows[count][columns], window[columns].
void add_products(const int16_t* rows, const int16_t* window, int columns, int count,
                  int32_t* sums);

}  // namespace stuckat
