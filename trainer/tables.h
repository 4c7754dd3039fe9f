// Products with few-valued operands by look-up instead of multiplication.
//
// One operand of every product in training a quantized network takes few values: the weights in
// the forward pass and in the data gradient, the activations in the weight gradient. Take `group`
// of those operands together: their digits form one number, and a table holds the partial sum of
// the other operand's vectors for each such number. One vector addition then does the work of
// `group` multiply-adds (the method of Arlazarov, Dinic, Kronrod and Faradzhev, 1970).
// Nothing is approximated; integer sums are exact and float sums have a fixed order.
#pragma once

#include <cstddef>
#include <cstdint>

#include "workloads/number_format.h"

namespace stuckat::trainer {

/// How few-valued operands become digits: value = min + step * digit, digit in 0 .. radix-1.
struct Digits {
  int min = -1;
  int step = 2;
  int radix = 2;
  int group = 4;  ///< operands per table

  int entries() const;  ///< radix ^ group
  int digit(int value) const { return (value - min) / step; }
  bool operator==(const Digits&) const = default;
};

/// Which values occur: the levels that a quantizer emits; those and the 0 of a dropped element; or
/// all that a (possibly broken) stored code can mean.
enum class Values : uint8_t { levels, levels_and_zero, codes };

/// Digits for the values of `format`. Formats of more than 4 bits get radix 0: no table.
Digits digits_for(NumberFormat format, Values values);

inline constexpr int lanes = 16;               ///< elements of a vector of samples or channels
inline constexpr int table_bytes = 16 * 1024;  ///< tables in use at a time: half of an L1 cache

/// Groups whose tables fit into table_bytes.
int groups_at_once(const Digits& digits, int entry_bytes);

/// Tables of ceil(values / group) groups from `values` vectors of 16 lanes, `stride` elements
/// apart. table: [groups][entries][16]. Only the first `used` lanes (8 or 16) are filled in.
void build_tables(const Digits& digits, const float* vectors, ptrdiff_t stride, int values,
                  int used, float* table);
void build_tables(const Digits& digits, const int16_t* vectors, int values, int16_t* table);
void build_tables(const Digits& digits, const int32_t* vectors, int values, int32_t* table);

/// out[o] += sum over g of the entry of table g at byte offset index[o * index_stride + g], for
/// `count` outputs of 16 lanes each.
void add_entries(const float* table, int group_entries, int groups, const uint16_t* index,
                 ptrdiff_t index_stride, float* out, int count, int used);
void add_entries(const int16_t* table, int group_entries, int groups, const uint16_t* index,
                 ptrdiff_t index_stride, int16_t* out, int count);
void add_entries(const int32_t* table, int group_entries, int groups, const uint16_t* index,
                 ptrdiff_t index_stride, int32_t* out, int count);

}  // namespace stuckat::trainer
