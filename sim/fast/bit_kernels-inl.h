// Included once for each instruction set: sums of binary weights as bits.
//
// With weights of +1 and -1 as bits b, n changes make the difference d = 2*count - n, where count
// is the number of set bits among them (of clear bits where the element became clear). Counting is
// done for one row per bit: plane j of the counter holds bit j of every row's count, and full
// adders put four or eight columns of weights into it at a time (Harley and Seal).
#if defined(STUCKAT_SIM_FAST_BIT_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STUCKAT_SIM_FAST_BIT_KERNELS_INL_H_
#undef STUCKAT_SIM_FAST_BIT_KERNELS_INL_H_
#else
#define STUCKAT_SIM_FAST_BIT_KERNELS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "sim/fast/kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stuckat::fast::HWY_NAMESPACE {

using Wide = hn::CappedTag<uint64_t, 8>;
using WideVector = hn::Vec<Wide>;
inline constexpr int wide_lanes = static_cast<int>(hn::MaxLanes(Wide()));

/// Bit by bit: mask ? yes : no. Highway's IfVecThenElse may look at whole lanes only.
HWY_INLINE WideVector select_bits(WideVector mask, WideVector yes, WideVector no) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  return hn::IfVecThenElse(mask, yes, no);  // vpternlog
#else
  return hn::Or(hn::And(mask, yes), hn::AndNot(mask, no));
#endif
}

/// sum += a + b in this plane; returns the carry into the next.
HWY_INLINE WideVector full_add(WideVector& sum, WideVector a, WideVector b) {
  const WideVector either = hn::Xor(a, b);
  const WideVector carry = select_bits(either, sum, a);
  sum = hn::Xor(sum, either);
  return carry;
}

/// Two's complement counters of 8 bits, one for each bit position of the planes.
struct BitCounter {
  WideVector planes[margin_bits];

  /// All counters at `value`, modulo 256.
  HWY_INLINE explicit BitCounter(int value) {
    const Wide d;
    for (int j = 0; j < margin_bits; ++j) {
      planes[j] = hn::Set(d, (value >> j & 1) != 0 ? ~uint64_t{0} : 0);
    }
  }

  template <int kPlane>
  HWY_INLINE void ripple(WideVector carry) {
    for (int j = kPlane; j < margin_bits; ++j) {
      const WideVector next = hn::And(planes[j], carry);
      planes[j] = hn::Xor(planes[j], carry);
      carry = next;
    }
  }

  /// Returns the carry into plane 2.
  HWY_INLINE WideVector add_to_two(WideVector a, WideVector b, WideVector c, WideVector d) {
    const WideVector first = full_add(planes[0], a, b);
    const WideVector second = full_add(planes[0], c, d);
    return full_add(planes[1], first, second);
  }
};

/// Counts the columns of a segment from row word `word` on; kInvert: their clear bits.
template <bool kInvert>
HWY_INLINE void count_segment(const PackedLayer& layer, const Segment& segment, int word,
                              BitCounter& counter) {
  const Wide d;
  const uint64_t* columns =
      layer.bit_columns.data() + word + (segment.columns - layer.columns.data()) / rows_per_word;
  const auto load = [&](const uint64_t* column) {
    const WideVector bits = hn::LoadU(d, column);
    if constexpr (kInvert) return hn::Not(bits);
    return bits;
  };
  const auto column = [&](int i) { return load(columns + segment.entries[i] / rows_per_word); };
  int i = 0;
  for (; i + 8 <= segment.count; i += 8) {
    const WideVector first =
        counter.add_to_two(column(i), column(i + 1), column(i + 2), column(i + 3));
    const WideVector second =
        counter.add_to_two(column(i + 4), column(i + 5), column(i + 6), column(i + 7));
    counter.ripple<3>(full_add(counter.planes[2], first, second));
  }
  // What is left, filled up with columns that count nothing.
  const uint64_t* nothing =
      layer.bit_columns.data() + word + (kInvert ? layer.ones_column : layer.zero_column);
  const auto column_or_nothing = [&](int j) {
    return load(j < segment.count ? columns + segment.entries[j] / rows_per_word : nothing);
  };
  for (; i < segment.count; i += 4) {
    counter.ripple<2>(counter.add_to_two(column(i), column_or_nothing(i + 1),
                                         column_or_nothing(i + 2), column_or_nothing(i + 3)));
  }
}

/// add_and_compare() for layers with bit_columns, of at most additions_in_8_bits() changes.
HWY_INLINE uint64_t count_and_compare(const PackedLayer& layer, const Window& window, int changes,
                                      const uint64_t* margins, const uint64_t* golden,
                                      uint64_t* diff) {
  const Wide d;
  const int words = layer.rows_padded / rows_per_word;
  // margin + 2*count - n >= 0 where floor((margin + odd) / 2) + (count - half) >= 0
  const int half = (changes + 1) / 2;
  const WideVector odd = hn::Set(d, changes % 2 != 0 ? ~uint64_t{0} : 0);
  uint64_t any = 0;
  for (int word = 0; word < words; word += wide_lanes) {
    BitCounter counter(-half);
    count_segment<false>(layer, window.up, word, counter);
    count_segment<true>(layer, window.down, word, counter);
    const int valid = HWY_MIN(wide_lanes, words - word);
    for (int t = 0; t < layer.thresholds; ++t) {
      const uint64_t* margin = margins + static_cast<size_t>(t) * margin_bits * words + word;
      WideVector carry = hn::And(hn::LoadU(d, margin), odd);
      for (int j = 0; j + 1 < margin_bits; ++j) {
        const WideVector bit = hn::LoadU(d, margin + (j + 1) * words);
        carry = select_bits(hn::Xor(bit, counter.planes[j]), carry, bit);
      }
      const WideVector top = hn::LoadU(d, margin + (margin_bits - 1) * words);
      const WideVector negative = hn::Xor(hn::Xor(top, counter.planes[margin_bits - 1]), carry);
      HWY_ALIGN uint64_t lanes[wide_lanes];
      hn::Store(negative, d, lanes);
      for (int w = 0; w < valid; ++w) {
        const size_t at = static_cast<size_t>(t) * words + word + w;
        diff[at] = ~lanes[w] ^ golden[at];
        any |= diff[at];
      }
    }
  }
  return any;
}

/// Bit planes of one pixel's narrow margins: [threshold][margin_bits][words].
HWY_INLINE void split_margins(const PackedLayer& layer, const int8_t* margins, uint64_t* bits) {
  const Narrow d;
  const int words = layer.rows_padded / rows_per_word;
  for (int t = 0; t < layer.thresholds; ++t) {
    for (int word = 0; word < words; ++word) {
      const int8_t* from = margins + (t * words + word) * rows_per_word;
      uint64_t* to = bits + t * margin_bits * words + word;
      for (int j = 0; j < margin_bits; ++j) to[j * words] = 0;
      for (int v = 0; v < rows_per_word; v += narrow_lanes) {
        auto lanes = hn::Load(d, from + v);
        for (int j = margin_bits - 1; j >= 0; --j) {
          to[j * words] |= negative_lanes(lanes) << v;
          lanes = hn::Add(lanes, lanes);
        }
      }
    }
  }
}

}  // namespace stuckat::fast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
