// Rows of convolutions with pixels as bits: sliced_layer.h has the arithmetic.
#include "sim/fast/sliced_kernels.h"

#include <algorithm>
#include <cstring>

#include "sim/fast/highway_targets.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/fast/sliced_kernels.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

#include "sim/fast/bit_kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stuckat::fast::HWY_NAMESPACE {

HWY_INLINE WideVector load_bytes(const uint8_t* from) {
  const Wide d;
#if HWY_TARGET == HWY_SCALAR
  uint64_t word;
  memcpy(&word, from, sizeof(word));
  return hn::Set(d, word);
#else
  return hn::BitCast(d, hn::LoadU(hn::Repartition<uint8_t, Wide>(), from));
#endif
}

/// Where at least two of three are set.
HWY_INLINE WideVector majority(WideVector a, WideVector b, WideVector c) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  return WideVector{_mm512_ternarylogic_epi64(a.raw, b.raw, c.raw, 0xE8)};
#else
  return select_bits(hn::Xor(a, b), c, a);
#endif
}

/// sum += a + b in this plane; returns the carry into the next.
HWY_INLINE WideVector add_bits(WideVector& sum, WideVector a, WideVector b) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  const WideVector carry = majority(sum, a, b);
  sum = WideVector{_mm512_ternarylogic_epi64(sum.raw, a.raw, b.raw, 0x96)};
  return carry;
#else
  return full_add(sum, a, b);
#endif
}

/// Numbers in two's complement of kBits bits, one for each bit of a vector.
template <int kBits>
struct SlicedCounter {
  WideVector planes[kBits];

  HWY_INLINE void set(int32_t value) {
    const Wide d;
    for (int j = 0; j < kBits; ++j) {
      planes[j] = hn::Set(d, uint64_t{0} - static_cast<uint64_t>(value >> j & 1));
    }
  }
  /// -1 - number
  HWY_INLINE void complement() {
    for (WideVector& plane : planes) plane = hn::Not(plane);
  }

  template <int kPlane>
  HWY_INLINE void ripple(WideVector carry) {
    for (int j = kPlane; j < kBits; ++j) {
      const WideVector next = hn::And(planes[j], carry);
      planes[j] = hn::Xor(planes[j], carry);
      carry = next;
    }
  }
  /// Of 4, 8 or 16 more bits; returns the carry into plane 2, 3 or 4.
  template <typename Bit>
  HWY_INLINE WideVector add_4(const Bit& bit, int i) {
    const WideVector first = add_bits(planes[0], bit(i), bit(i + 1));
    const WideVector second = add_bits(planes[0], bit(i + 2), bit(i + 3));
    return add_bits(planes[1], first, second);
  }
  template <typename Bit>
  HWY_INLINE WideVector add_8(const Bit& bit, int i) {
    const WideVector first = add_4(bit, i);
    return add_bits(planes[2], first, add_4(bit, i + 4));
  }
  template <typename Bit>
  HWY_INLINE WideVector add_16(const Bit& bit, int i) {
    const WideVector first = add_8(bit, i);
    return add_bits(planes[3], first, add_8(bit, i + 8));
  }

  HWY_INLINE void count(const SlicedLayer::List& list, const uint64_t* words) {
    const Wide d;
    const auto bit = [&](int i) {
      return hn::Load(d, words + size_t{list.entries[i]} * SlicedTensor::vector_words);
    };
    int i = 0;
    while (list.count - i > 8) {
      ripple<4>(add_16(bit, i));
      i += 16;
    }
    if (list.count - i > 4) {
      ripple<3>(add_8(bit, i));
    } else if (list.count > i) {
      ripple<2>(add_4(bit, i));
    }
  }

  /// Where number + value < 0.
  HWY_INLINE WideVector negative_with(int32_t value) const {
    const Wide d;
    WideVector carry = hn::Zero(d);
    for (int j = 0; j + 1 < kBits; ++j) {
      const auto bit = hn::Set(d, uint64_t{0} - static_cast<uint64_t>(value >> j & 1));
      carry = majority(planes[j], bit, carry);
    }
    const auto top = hn::Set(d, uint64_t{0} - static_cast<uint64_t>(value >> (kBits - 1) & 1));
    return hn::Xor(hn::Xor(planes[kBits - 1], carry), top);
  }
};

template <int kBits>
HWY_INLINE void compute_row(const SlicedLayer& layer, const uint64_t* shifted, int row,
                            uint64_t* planes) {
  const Wide d;
  const SlicedLayer::List down = layer.list(row, false);
  const SlicedLayer::List up = layer.list(row, true);
  const int32_t offset = layer.offset(row, 0);
  const int words = layer.output().words;
  for (int w = 0; w < words; w += wide_lanes) {
    SlicedCounter<kBits> counter;
    counter.set(-1 - offset);
    counter.count(down, shifted + w);
    counter.complement();
    counter.count(up, shifted + w);
    hn::Store(hn::Not(counter.planes[kBits - 1]), d, planes + w);
    for (int t = 1; t < layer.layer().thresholds; ++t) {
      const WideVector negative = counter.negative_with(layer.offset(row, t) - offset);
      hn::Store(hn::Not(negative), d, planes + t * words + w);
    }
  }
}

void compute_sliced(const SlicedLayer& layer, const uint64_t* shifted, int row, int end,
                    uint64_t* planes) {
  const size_t of_row = layer.output().channel_words();
  for (; row < end; ++row) {
    uint64_t* to = planes + static_cast<size_t>(row) * of_row;
    if (layer.counter_bits() == 12)
      compute_row<12>(layer, shifted, row, to);
    else
      compute_row<14>(layer, shifted, row, to);
  }
}

void shift_plane(const SlicedLayer& layer, const uint64_t* plane, uint64_t* to) {
  const Wide d;
  const int words = layer.output().words;
  for (int ky = 0; ky < layer.layer().kernel_height; ++ky) {
    const uint8_t* from = reinterpret_cast<const uint8_t*>(plane) + ky * layer.input().pitch / 8;
    for (int w = 0; w < words; w += wide_lanes) {
      const WideVector low = load_bytes(from + w * 8);
      const WideVector high = load_bytes(from + w * 8 + 8);
      hn::Store(low, d, to + w);
      for (int kx = 1; kx < layer.layer().kernel_width; ++kx) {
        const auto bits = hn::Or(hn::ShiftRightSame(low, kx), hn::ShiftLeftSame(high, 64 - kx));
        hn::Store(bits, d, to + kx * words + w);
      }
    }
    to += layer.layer().kernel_width * words;
  }
}

/// Rows of T, each two rows of the image, to rows of half as many bits each.
template <typename T, typename Row>
HWY_INLINE void pool_rows(const uint64_t* plane, int count, uint64_t* pooled) {
  constexpr int pitch = sizeof(T) * 4;
  const auto* from = reinterpret_cast<const uint8_t*>(plane);
  auto* to = reinterpret_cast<uint8_t*>(pooled);
  for (int y = 0; y < count; ++y) {
    T row;
    memcpy(&row, from + static_cast<size_t>(y) * sizeof(T), sizeof(T));
    row = static_cast<T>(row | row >> pitch);
    row = static_cast<T>(row | row >> 1);
    // Every other bit, moved together.
    row = static_cast<T>(row & static_cast<T>(0x55555555u));
    row = static_cast<T>((row | row >> 1) & static_cast<T>(0x33333333u));
    row = static_cast<T>((row | row >> 2) & static_cast<T>(0x0f0f0f0fu));
    row = static_cast<T>((row | row >> 4) & static_cast<T>(0x00ff00ffu));
    row = static_cast<T>(row | row >> 8);
    const Row result = static_cast<Row>(row);
    memcpy(to + static_cast<size_t>(y) * sizeof(Row), &result, sizeof(Row));
  }
}

void pool_sliced(const SlicedTensor& input, const SlicedTensor& output, const uint64_t* plane,
                 uint64_t* pooled) {
  if (input.pitch == 32)
    pool_rows<uint64_t, uint16_t>(plane, output.height, pooled);
  else
    pool_rows<uint32_t, uint8_t>(plane, output.height, pooled);
}

bool differ_sliced(const SlicedTensor& tensor, const uint64_t* pixels, const uint64_t* a,
                   const uint64_t* b) {
  const Wide d;
  WideVector any = hn::Zero(d);
  for (int k = 0; k < tensor.planes; ++k) {
    for (int w = 0; w < tensor.words; w += wide_lanes, a += wide_lanes, b += wide_lanes) {
      const auto change = hn::Xor(hn::Load(d, a), hn::Load(d, b));
      any = hn::Or(any, hn::And(change, hn::Load(d, pixels + w)));
    }
  }
  return !hn::AllTrue(d, hn::Eq(any, hn::Zero(d)));
}

}  // namespace stuckat::fast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::fast {

HWY_EXPORT(compute_sliced);
HWY_EXPORT(shift_plane);
HWY_EXPORT(pool_sliced);
HWY_EXPORT(differ_sliced);

namespace kernels {

void compute_sliced(const SlicedLayer& layer, const uint64_t* shifted, int row, int end,
                    uint64_t* planes) {
  HWY_DYNAMIC_DISPATCH(compute_sliced)(layer, shifted, row, end, planes);
}

void shift_plane(const SlicedLayer& layer, const uint64_t* plane, uint64_t* to) {
  HWY_DYNAMIC_DISPATCH(shift_plane)(layer, plane, to);
}

void pool_sliced(const SlicedTensor& input, const SlicedTensor& output, const uint64_t* plane,
                 uint64_t* pooled) {
  HWY_DYNAMIC_DISPATCH(pool_sliced)(input, output, plane, pooled);
}

bool differ_sliced(const SlicedTensor& tensor, const uint64_t* pixels, const uint64_t* a,
                   const uint64_t* b) {
  return HWY_DYNAMIC_DISPATCH(differ_sliced)(tensor, pixels, a, b);
}

}  // namespace kernels
}  // namespace stuckat::fast
#endif  // HWY_ONCE
