#include "models/common/bit_products.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/common/bit_products.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace stuckat::HWY_NAMESPACE {

// A row has a word or nine, too few for vectors: what the instruction sets bring is POPCNT.
void add_products_here(const BitProducts& p, int rows, int32_t* sums) {
  const uint64_t* plane = p.rows;
  for (int row = 0; row < rows; ++row) {
    int32_t sum = 0;
    for (int j = 0; j < p.weight_bits; ++j, plane += p.words) {
      for (int k = 0; k < p.input_bits; ++k) {
        const uint64_t* window = p.window + k * p.words;
        int64_t ones = 0;
        for (int i = 0; i < p.words; ++i) ones += __builtin_popcountll(plane[i] & window[i]);
        sum += p.factors[j][k] * static_cast<int32_t>(ones);
      }
    }
    sums[row] += sum;
  }
}

namespace hn = hwy::HWY_NAMESPACE;

void add_values_here(const int16_t* rows, const int16_t* window, int columns, int count,
                     int32_t* sums) {
  const hn::CappedTag<int16_t, values_at_once> d16;
  const hn::RepartitionToWide<decltype(d16)> d32;
  for (int row = 0; row < count; ++row, rows += columns) {
    auto sum = hn::Zero(d32), other = hn::Zero(d32);
    for (int i = 0; i < columns; i += static_cast<int>(hn::Lanes(d16))) {
      sum = hn::ReorderWidenMulAccumulate(d32, hn::LoadU(d16, rows + i), hn::LoadU(d16, window + i),
                                          sum, other);
    }
    sums[row] += hn::GetLane(hn::SumOfLanes(d32, hn::Add(sum, other)));
  }
}

}  // namespace stuckat::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat {

HWY_EXPORT(add_products_here);
HWY_EXPORT(add_values_here);

void add_products(const BitProducts& products, int rows, int32_t* sums) {
  HWY_DYNAMIC_DISPATCH(add_products_here)(products, rows, sums);
}

void add_products(const int16_t* rows, const int16_t* window, int columns, int count,
                  int32_t* sums) {
  HWY_DYNAMIC_DISPATCH(add_values_here)(rows, window, columns, count, sums);
}

}  // namespace stuckat
#endif  // HWY_ONCE
