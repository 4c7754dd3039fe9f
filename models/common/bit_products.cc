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

}  // namespace stuckat::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat {

HWY_EXPORT(add_products_here);

void add_products(const BitProducts& products, int rows, int32_t* sums) {
  HWY_DYNAMIC_DISPATCH(add_products_here)(products, rows, sums);
}

}  // namespace stuckat
#endif  // HWY_ONCE
