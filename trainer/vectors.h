// 32-byte vectors of the compiler: one register with AVX2, two without.
#pragma once

#include <cstddef>
#include <cstdint>

#include "trainer/dispatch.h"

namespace stuckat::trainer {

template <class T>
struct VectorOf {
  using type [[gnu::vector_size(32), gnu::may_alias, gnu::aligned(sizeof(T))]] = T;
};
/// 32 bytes of T, at any address that a T may have.
template <class T>
using Vector = typename VectorOf<T>::type;
template <class T>
constexpr int per_vector = static_cast<int>(32 / sizeof(T));

using Floats = Vector<float>;  // 8
using Ints = Vector<int32_t>;  // 8, also the mask of a comparison of Floats
using Shorts [[gnu::vector_size(16), gnu::may_alias, gnu::aligned(2)]] = int16_t;  // 8
using Bytes [[gnu::vector_size(8), gnu::may_alias, gnu::aligned(1)]] = int8_t;     // 8

STUCKAT_INLINE Floats load_floats(const float* p) { return *reinterpret_cast<const Floats*>(p); }
STUCKAT_INLINE Floats load_floats(const int16_t* p) {
  return __builtin_convertvector(*reinterpret_cast<const Shorts*>(p), Floats);
}
STUCKAT_INLINE Floats load_floats(const int32_t* p) {
  return __builtin_convertvector(*reinterpret_cast<const Ints*>(p), Floats);
}
STUCKAT_INLINE Ints load_ints(const int16_t* p) {
  return __builtin_convertvector(*reinterpret_cast<const Shorts*>(p), Ints);
}
STUCKAT_INLINE Ints load_ints(const int32_t* p) { return *reinterpret_cast<const Ints*>(p); }
STUCKAT_INLINE Ints load_ints(const int8_t* p) {
  return __builtin_convertvector(*reinterpret_cast<const Bytes*>(p), Ints);
}
STUCKAT_INLINE void store(float* p, Floats v) { *reinterpret_cast<Floats*>(p) = v; }
/// v where the mask is set, else 0.
STUCKAT_INLINE Floats masked(Floats v, Ints mask) {
  return reinterpret_cast<Floats>(reinterpret_cast<Ints>(v) & mask);
}

/// Rows become columns: out[j][i] = in[i][j] for 8 vectors of 8, `in_step` and `out_step` floats
/// apart.
STUCKAT_INLINE void transpose8(const float* in, ptrdiff_t in_step, float* out, ptrdiff_t out_step) {
  Floats a[8];
  Floats b[8];
  for (int i = 0; i < 8; ++i) a[i] = load_floats(in + i * in_step);
  for (int i = 0; i < 8; i += 2) {
    b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int k = 0; k < 2; ++k) {
      a[i + 2 * k] = __builtin_shufflevector(b[i + k], b[i + k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      a[i + 2 * k + 1] =
          __builtin_shufflevector(b[i + k], b[i + k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int k = 0; k < 4; ++k) {
    b[k] = __builtin_shufflevector(a[k], a[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    b[k + 4] = __builtin_shufflevector(a[k], a[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
  for (int i = 0; i < 8; ++i) store(out + i * out_step, b[i]);
}

}  // namespace stuckat::trainer
