// Vectors over the 16 samples of a block (product.h), for each instruction set of Highway.
#if defined(STUCKAT_TRAINER_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STUCKAT_TRAINER_VECTORS_INL_H_
#undef STUCKAT_TRAINER_VECTORS_INL_H_
#else
#define STUCKAT_TRAINER_VECTORS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "trainer/tables.h"

HWY_BEFORE_NAMESPACE();
namespace stuckat::trainer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using BlockFloats = hn::CappedTag<float, lanes>;
using BlockInts = hn::CappedTag<int32_t, lanes>;
template <class D>
constexpr int lanes_of = static_cast<int>(hn::MaxLanes(D()));

HWY_INLINE hn::Vec<BlockInts> load_ints(BlockInts d, const int32_t* p) { return hn::LoadU(d, p); }
template <class T>
HWY_INLINE hn::Vec<BlockInts> load_ints(BlockInts d, const T* p) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<T, BlockInts>(), p));
}
/// Integers as floats.
template <class T>
HWY_INLINE hn::Vec<BlockFloats> load_floats(BlockFloats d, const T* p) {
  return hn::ConvertTo(d, load_ints(BlockInts(), p));
}

HWY_INLINE hn::Vec<BlockFloats> load_floats(BlockFloats d, const float* p) {
  return hn::LoadU(d, p);
}

/// Rows become columns: out[j][i] = in[i][j] for tile_side rows of tile_side floats, `in_step` and
/// `out_step` floats apart.
using TileFloats = hn::CappedTag<float, 8>;
constexpr int tile_side = lanes_of<TileFloats>;

HWY_INLINE void transpose_tile(const float* in, [[maybe_unused]] ptrdiff_t in_step, float* out,
                               [[maybe_unused]] ptrdiff_t out_step) {
#if HWY_TARGET == HWY_SCALAR
  *out = *in;
#else
  const TileFloats d;
  hn::Vec<TileFloats> columns[tile_side];  // of 4 x 4 blocks
  for (int first = 0; first < tile_side; first += 4) {
    const auto a0 = hn::LoadU(d, in + first * in_step);
    const auto a1 = hn::LoadU(d, in + (first + 1) * in_step);
    const auto a2 = hn::LoadU(d, in + (first + 2) * in_step);
    const auto a3 = hn::LoadU(d, in + (first + 3) * in_step);
    const auto even = hn::InterleaveLower(d, a0, a2);
    const auto odd = hn::InterleaveLower(d, a1, a3);
    const auto even_high = hn::InterleaveUpper(d, a0, a2);
    const auto odd_high = hn::InterleaveUpper(d, a1, a3);
    columns[first] = hn::InterleaveLower(d, even, odd);
    columns[first + 1] = hn::InterleaveUpper(d, even, odd);
    columns[first + 2] = hn::InterleaveLower(d, even_high, odd_high);
    columns[first + 3] = hn::InterleaveUpper(d, even_high, odd_high);
  }
  for (int j = 0; j < 4; ++j) {
    if constexpr (tile_side == 8) {
      hn::StoreU(hn::ConcatLowerLower(d, columns[j + 4], columns[j]), d, out + j * out_step);
      hn::StoreU(hn::ConcatUpperUpper(d, columns[j + 4], columns[j]), d, out + (j + 4) * out_step);
    } else {
      hn::StoreU(columns[j], d, out + j * out_step);
    }
  }
#endif
}

}  // namespace stuckat::trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
