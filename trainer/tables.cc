#include "trainer/tables.h"

#include <algorithm>

#include "trainer/highway_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "trainer/tables.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include "trainer/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stuckat::trainer::HWY_NAMESPACE {
template <class D>
HWY_INLINE hn::Vec<D> widened(D d, const float* p) {
  return hn::LoadU(d, p);
}
template <class D>
HWY_INLINE hn::Vec<D> widened(D d, const int8_t* p) {
  return hn::PromoteTo(d, hn::LoadU(hn::Rebind<int8_t, D>(), p));
}

/// Tables of kUsed lanes, in entries of `width` elements. Entry 0 of a group is min * (sum of its
/// vectors); adding step * vector i raises digit i by one.
template <class D, class V, class T>
HWY_INLINE void build(D d, const Digits& digits, const V* vectors, ptrdiff_t stride, int values,
                      int used, int width, T* table) {
  const int entries = digits.entries();
  const auto low = hn::Set(d, static_cast<T>(digits.min));
  const auto step = hn::Set(d, static_cast<T>(digits.step));
  for (int first = 0; first < values; first += digits.group) {
    const int members = std::min(digits.group, values - first);
    const V* in = vectors + first * stride;
    for (int j = 0; j < used; j += lanes_of<D>) {
      T* out = table + j;
      auto sum = hn::Zero(d);
      for (int i = 0; i < members; ++i) sum = hn::Add(sum, widened(d, in + i * stride + j));
      hn::StoreU(hn::Mul(sum, low), d, out);
      int size = 1;
      for (int i = 0; i < members; ++i) {
        const auto raise = hn::Mul(step, widened(d, in + i * stride + j));
        for (int e = size; e < size * digits.radix; ++e) {
          hn::StoreU(hn::Add(hn::LoadU(d, out + (e - size) * width), raise), d, out + e * width);
        }
        size *= digits.radix;
      }
    }
    table += static_cast<ptrdiff_t>(entries) * width;
  }
}

void build_float(const Digits& digits, const float* vectors, ptrdiff_t stride, int values, int used,
                 float* table) {
  if (used <= 8) {
    build(hn::CappedTag<float, 8>(), digits, vectors, stride, values, 8, lanes, table);
  } else {
    build(hn::CappedTag<float, lanes>(), digits, vectors, stride, values, lanes, lanes, table);
  }
}

template <class T>
HWY_INLINE void build_halves(const Digits& digits, const int8_t* vectors, ptrdiff_t second,
                             int halves, int values, T* table) {
  for (int h = 0; h < halves; ++h) {
    build(hn::CappedTag<T, lanes>(), digits, vectors + h * second, lanes, values, lanes, 2 * lanes,
          table + h * lanes);
  }
}
void build_short(const Digits& digits, const int8_t* vectors, ptrdiff_t second, int halves,
                 int values, int16_t* table) {
  build_halves(digits, vectors, second, halves, values, table);
}
void build_int(const Digits& digits, const int8_t* vectors, ptrdiff_t second, int halves,
               int values, int32_t* table) {
  build_halves(digits, vectors, second, halves, values, table);
}

/// Element `at` of an output of one or two halves, `second` apart.
template <class D, class T>
HWY_INLINE hn::Vec<D> load_sum(D d, const T* out, ptrdiff_t second, int at) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (lanes_of < D >> lanes) {
    const hn::Half<D> half;
    return hn::Combine(d, hn::LoadU(half, out + second), hn::LoadU(half, out));
  }
#endif
  return hn::LoadU(d, out + (at < lanes ? at : second + at - lanes));
}
template <class D, class T>
HWY_INLINE void store_sum(D d, hn::Vec<D> sum, ptrdiff_t second, int at, T* out) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (lanes_of < D >> lanes) {
    const hn::Half<D> half;
    hn::StoreU(hn::LowerHalf(half, sum), half, out);
    hn::StoreU(hn::UpperHalf(half, sum), half, out + second);
    return;
  }
#endif
  hn::StoreU(sum, d, out + (at < lanes ? at : second + at - lanes));
}

/// kOutputs sums of kUsed elements from entries of kWidth.
template <int kWidth, int kUsed, int kOutputs, class T>
HWY_INLINE void add_some(const T* table, const LookUp& l, const uint16_t* index, bool fresh,
                         ptrdiff_t second, T* out) {
  const hn::CappedTag<T, kUsed> d;
  constexpr int step = lanes_of<decltype(d)>;
  constexpr int pieces = kUsed / step;
  hn::Vec<decltype(d)> sum[kOutputs][pieces];
  for (int o = 0; o < kOutputs; ++o) {
    for (int j = 0; j < pieces; ++j) {
      sum[o][j] = fresh ? hn::Zero(d) : load_sum(d, out + o * lanes, second, j * step);
    }
  }
  const auto* bytes = reinterpret_cast<const char*>(table);
  const ptrdiff_t group_bytes = static_cast<ptrdiff_t>(sizeof(T)) * l.group_entries * kWidth;
  for (int g = 0; g < l.groups; ++g) {
    for (int o = 0; o < kOutputs; ++o) {
      const auto* entry = reinterpret_cast<const T*>(bytes + index[o * l.index_stride + g]);
      for (int j = 0; j < pieces; ++j) {
        sum[o][j] = hn::Add(sum[o][j], hn::Load(d, entry + j * step));
      }
    }
    bytes += group_bytes;
  }
  for (int o = 0; o < kOutputs; ++o) {
    for (int j = 0; j < pieces; ++j) store_sum(d, sum[o][j], second, j * step, out + o * lanes);
  }
}

template <int kWidth, int kUsed, class T>
HWY_INLINE void add(const T* table, const LookUp& l, bool fresh, ptrdiff_t second, T* out,
                    int count) {
  // As many sums as registers leave room for, and at least as many as an addition takes cycles.
  constexpr int registers = HWY_TARGET == HWY_AVX3 ? 16 : 8;
  constexpr int pieces = kUsed / lanes_of<hn::CappedTag<T, kUsed>>;
  constexpr int outputs = std::max(1, std::min(8, registers / pieces));
  int o = 0;
  for (; o + outputs <= count; o += outputs) {
    add_some<kWidth, kUsed, outputs>(table, l, l.index + o * l.index_stride, fresh, second,
                                     out + o * lanes);
  }
  for (; o < count; ++o) {
    add_some<kWidth, kUsed, 1>(table, l, l.index + o * l.index_stride, fresh, second,
                               out + o * lanes);
  }
}

void add_float(const float* table, const LookUp& l, float* out, int count, int used) {
  if (used <= 8) {
    add<lanes, 8>(table, l, false, 0, out, count);
  } else {
    add<lanes, lanes>(table, l, false, 0, out, count);
  }
}

template <class T>
HWY_INLINE void add_halves(const T* table, const LookUp& l, bool fresh, ptrdiff_t second,
                           int halves, T* out, int count) {
  if (halves == 1) {
    add<2 * lanes, lanes>(table, l, fresh, second, out, count);
  } else {
    add<2 * lanes, 2 * lanes>(table, l, fresh, second, out, count);
  }
}
void add_short(const int16_t* table, const LookUp& l, bool fresh, ptrdiff_t second, int halves,
               int16_t* out, int count) {
  add_halves(table, l, fresh, second, halves, out, count);
}
void add_int(const int32_t* table, const LookUp& l, bool fresh, ptrdiff_t second, int halves,
             int32_t* out, int count) {
  add_halves(table, l, fresh, second, halves, out, count);
}

template <int kColumns>
HWY_INLINE void multiply_some(const float* x, ptrdiff_t x_stride, const float* gradient,
                              int samples, float* sums) {
  const hn::CappedTag<float, lanes> d;
  constexpr int step = lanes_of<decltype(d)>;
  for (int j = 0; j < lanes; j += step) {
    hn::Vec<decltype(d)> sum[kColumns];
    for (int c = 0; c < kColumns; ++c) sum[c] = hn::LoadU(d, sums + c * lanes + j);
    for (int n = 0; n < samples; ++n) {
      const auto g = hn::LoadU(d, gradient + static_cast<ptrdiff_t>(n) * lanes + j);
      const float* row = x + n * x_stride;
      for (int c = 0; c < kColumns; ++c) {
        // Not fused: the same bytes with and without that instruction.
        sum[c] = hn::Add(sum[c], hn::Mul(g, hn::Set(d, row[c])));
      }
    }
    for (int c = 0; c < kColumns; ++c) hn::StoreU(sum[c], d, sums + c * lanes + j);
  }
}

void multiply_all(const float* x, ptrdiff_t x_stride, const float* gradient, int samples,
                  int columns, float* sums) {
  int c = 0;
  for (; c + 9 <= columns; c += 9) {  // a row of a 3x3 window of three channels
    multiply_some<9>(x + c, x_stride, gradient, samples, sums + c * lanes);
  }
  for (; c + 3 <= columns; c += 3) {
    multiply_some<3>(x + c, x_stride, gradient, samples, sums + c * lanes);
  }
  for (; c < columns; ++c) {
    multiply_some<1>(x + c, x_stride, gradient, samples, sums + c * lanes);
  }
}

}  // namespace stuckat::trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::trainer {

int Digits::entries() const {
  int entries = 1;
  for (int i = 0; i < group; ++i) entries *= radix;
  return entries;
}

Digits digits_for(NumberFormat format, Values values) {
  if (format.kind == FormatKind::fixed_point) return {0, 1, 0, 0};
  if (format.kind == FormatKind::binary && values != Values::levels_and_zero) return {};
  const bool any_code = values == Values::codes || values == Values::codes_of_either_sign;
  const bool any_sign = values == Values::codes_of_either_sign && format.bits < most_weight_bits;
  const int min = any_code ? format.min_value() : format.min_level();
  const int radix = (any_sign ? -min : format.max_level()) - min + 1;
  return {min, 1, radix, radix <= 3 ? 3 : radix <= 4 ? 2 : 1};
}

int groups_at_once(const Digits& digits, int entry_bytes) {
  constexpr int table_bytes = 32 * 1024;
  return std::max(1, table_bytes / (digits.entries() * entry_bytes));
}

HWY_EXPORT(build_float);
HWY_EXPORT(build_short);
HWY_EXPORT(build_int);
HWY_EXPORT(add_float);
HWY_EXPORT(add_short);
HWY_EXPORT(add_int);
HWY_EXPORT(multiply_all);

void build_tables(const Digits& digits, const float* vectors, ptrdiff_t stride, int values,
                  int used, float* table) {
  HWY_DYNAMIC_DISPATCH(build_float)(digits, vectors, stride, values, used, table);
}
void build_tables(const Digits& digits, const int8_t* vectors, ptrdiff_t second, int halves,
                  int values, int16_t* table) {
  HWY_DYNAMIC_DISPATCH(build_short)(digits, vectors, second, halves, values, table);
}
void build_tables(const Digits& digits, const int8_t* vectors, ptrdiff_t second, int halves,
                  int values, int32_t* table) {
  HWY_DYNAMIC_DISPATCH(build_int)(digits, vectors, second, halves, values, table);
}

void add_entries(const float* table, const LookUp& look_up, float* out, int count, int used) {
  HWY_DYNAMIC_DISPATCH(add_float)(table, look_up, out, count, used);
}
void add_entries(const int16_t* table, const LookUp& look_up, bool fresh, ptrdiff_t second,
                 int halves, int16_t* out, int count) {
  HWY_DYNAMIC_DISPATCH(add_short)(table, look_up, fresh, second, halves, out, count);
}
void add_entries(const int32_t* table, const LookUp& look_up, bool fresh, ptrdiff_t second,
                 int halves, int32_t* out, int count) {
  HWY_DYNAMIC_DISPATCH(add_int)(table, look_up, fresh, second, halves, out, count);
}

void multiply(const float* x, ptrdiff_t x_stride, const float* gradient, int samples, int columns,
              float* sums) {
  HWY_DYNAMIC_DISPATCH(multiply_all)(x, x_stride, gradient, samples, columns, sums);
}

}  // namespace stuckat::trainer
#endif
