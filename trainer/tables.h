// Products with few-valued operands by look-up instead of multiplication.
//
// One operand of every product in training a quantized network takes few values: the weights in
// the forward pass and in the data gradient, the activations in the weight gradient. Take `group`
// of those operands together: their digits form one number, and a table holds the partial sum of
// the other operand's vectors for each such number. One vector addition then does the work of
// `group` multiply-adds (the method of Arlazarov, Dinic, Kronrod and Faradzhev, 1970).
// Nothing is approximated; integer sums are exact and float sums have a fixed order, which no
// instruction set changes: vectors are wider or narrower, but lanes never meet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "workloads/number_format.h"

namespace stuckat::trainer {

/// How few-valued operands become digits: value = min + step * digit, digit in 0 .. radix-1.
struct Digits {
  int min = -1;
  int step = 2;
  int radix = 2;
  int group = 5;  ///< operands per table

  int entries() const;  ///< radix ^ group
  int digit(int value) const { return (value - min) / step; }
  bool operator==(const Digits&) const = default;
};

/// Which values occur: the levels that a quantizer emits; those and the 0 of a dropped element; or
/// all that a (possibly broken) stored code can mean, or that and its negative.
enum class Values : uint8_t { levels, levels_and_zero, codes, codes_of_either_sign };

inline constexpr int most_weight_bits = 8;

/// Digits for the values of `format`. A network's fixed-point input gets radix 0: no table. The
/// negative of an 8-bit code fits no byte: such weights are never negated (Adam::update).
Digits digits_for(NumberFormat format, Values values);

inline constexpr int lanes = 16;  ///< samples of a block, or channels of a vector

/// Groups whose tables fit into an L1 cache; at least one.
int groups_at_once(const Digits& digits, int entry_bytes);

/// Tables of ceil(values / group) groups from `values` vectors of 16 lanes, `stride` elements
/// apart. table: [groups][entries][16]. Only the first `used` lanes (8 or 16) are filled in.
void build_tables(const Digits& digits, const float* vectors, ptrdiff_t stride, int values,
                  int used, float* table);
/// The same for the integers of one or two blocks (`halves`), `second` elements apart, side by
/// side. table: [groups][entries][2 * 16].
void build_tables(const Digits& digits, const int8_t* vectors, ptrdiff_t second, int halves,
                  int values, int16_t* table);
void build_tables(const Digits& digits, const int8_t* vectors, ptrdiff_t second, int halves,
                  int values, int32_t* table);

/// Look-ups in the tables of `groups` groups: output o adds up the entries at byte offsets
/// index[o * index_stride + g] of the tables g.
struct LookUp {
  int group_entries = 0;
  int groups = 0;
  const uint16_t* index = nullptr;
  ptrdiff_t index_stride = 0;
};

/// out[o][16] += the sum of output o, for `count` outputs. Only the first `used` lanes.
void add_entries(const float* table, const LookUp& look_up, float* out, int count, int used);
/// out[h * second + o * 16 ...] += (fresh: =) half h of the sum of output o.
void add_entries(const int16_t* table, const LookUp& look_up, bool fresh, ptrdiff_t second,
                 int halves, int16_t* out, int count);
void add_entries(const int32_t* table, const LookUp& look_up, bool fresh, ptrdiff_t second,
                 int halves, int32_t* out, int count);

/// sums[column][16] += sum over samples of x[sample][column] * gradient[sample][16 rows].
void multiply(const float* x, ptrdiff_t x_stride, const float* gradient, int samples, int columns,
              float* sums);

}  // namespace stuckat::trainer
