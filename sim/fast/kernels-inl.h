// Included once for each instruction set by kernels.cc.
#if defined(STUCKAT_SIM_FAST_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef STUCKAT_SIM_FAST_KERNELS_INL_H_
#undef STUCKAT_SIM_FAST_KERNELS_INL_H_
#else
#define STUCKAT_SIM_FAST_KERNELS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "sim/fast/kernels.h"

HWY_BEFORE_NAMESPACE();
namespace stuckat::fast::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Narrow = hn::CappedTag<int8_t, rows_per_word>;
using NarrowVector = hn::Vec<Narrow>;
inline constexpr int narrow_lanes = static_cast<int>(hn::MaxLanes(Narrow()));

/// One bit for each lane, set where the lane is negative.
HWY_INLINE uint64_t negative_lanes(NarrowVector v) {
  const Narrow d;
  uint8_t bytes[8] = {};
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SSSE3
  hn::StoreMaskBits(d, hn::MaskFromVec(v), bytes);  // vpmovmskb: the sign bit is the mask
#else
  hn::StoreMaskBits(d, hn::Lt(v, hn::Zero(d)), bytes);
#endif
  uint64_t bits;
  memcpy(&bits, bytes, sizeof(bits));
  return bits;
}

/// One bit for each lane.
template <class D>
HWY_INLINE uint64_t mask_bits(D d, hn::Mask<D> mask) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  (void)d;
  return static_cast<uint64_t>(mask.raw);  // not through memory
#else
  uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, mask, bytes);
  uint64_t bits;
  memcpy(&bits, bytes, sizeof(bits));
  return bits;
#endif
}

/// Consecutive entries of a list; weight column i begins at columns + entries[i].
struct Segment {
  const int8_t* columns = nullptr;
  const uint32_t* entries = nullptr;
  int count = 0;
};

/// The changes under one output pixel.
struct Window {
  Segment up;
  Segment down;

  int count() const { return up.count + down.count; }
};

/// The windows of one output row after the other. The rows of the image under them are merged, so
/// that a window is one run of entries: few loops whose length the processor must guess.
class Windows {
 public:
  Windows(const PackedLayer& layer, const ChangeList& list) : layer_(layer), list_(list) {}

  HWY_INLINE void begin_row(int oy) {
    const int top = oy * layer_.stride;
    const int first = HWY_MAX(top, list_.y_low);
    const int end = HWY_MIN(top + layer_.kernel_height, list_.y_high + 1);
    up_ = merge(list_.up, list_.up_begin, first, end, top, list_.merged_up);
    down_ = merge(list_.down, list_.down_begin, first, end, top, list_.merged_down);
  }

  HWY_INLINE Window at(int ox) const {
    const int x = ox * layer_.stride;
    const int64_t skip = int64_t{x} * layer_.input.channels * layer_.rows_padded;
    return {segment(up_, x, skip), segment(down_, x, skip)};
  }

 private:
  struct Run {
    const int8_t* columns;
    const uint32_t* entries;
    const uint32_t* begin;  // [padded_width + 1]
  };

  HWY_INLINE Segment segment(const Run& run, int x, int64_t skip) const {
    const uint32_t first = run.begin[x];
    return {run.columns - skip, run.entries + first,
            static_cast<int>(run.begin[x + layer_.kernel_width] - first)};
  }

  /// Rows first .. end-1 of the padded image, for windows whose first row is `top`.
  HWY_INLINE Run merge(const std::vector<uint32_t>& entries, const std::vector<uint32_t>& begin,
                       int first, int end, int top, ChangeList::MergedRow& merged) const {
    const hn::CappedTag<uint32_t, 8> d;
    const size_t begins = static_cast<size_t>(layer_.padded_width()) + 1;
    const int64_t row_bytes = int64_t{layer_.window_row_columns()} * layer_.rows_padded;
    if (end - first == 1) {
      return {layer_.columns.data() + (first - top) * row_bytes, entries.data(),
              begin.data() + static_cast<size_t>(first) * begins};
    }
    uint32_t* to = merged.entries.data();
    for (size_t x = 0; x + 1 < begins; ++x) {
      merged.begin[x] = static_cast<uint32_t>(to - merged.entries.data());
      for (int y = first; y < end; ++y) {
        const uint32_t* row = begin.data() + static_cast<size_t>(y) * begins + x;
        const auto offset = hn::Set(d, static_cast<uint32_t>((y - top) * row_bytes));
        const int count = static_cast<int>(row[1] - row[0]);
        const uint32_t* from = entries.data() + row[0];
        for (int i = 0; i == 0 || i < count; i += static_cast<int>(hn::Lanes(d))) {
          hn::StoreU(hn::Add(hn::LoadU(d, from + i), offset), d, to + i);
        }
        to += count;
      }
    }
    merged.begin[begins - 1] = static_cast<uint32_t>(to - merged.entries.data());
    return {layer_.columns.data(), merged.entries.data(), merged.begin.data()};
  }

  const PackedLayer& layer_;
  const ChangeList& list_;
  Run up_ = {};
  Run down_ = {};
};

/// visit(bit, valid) for every bit of `bits`, and some more times with `valid` false: most words
/// have few bits, and a wrong guess of their number costs more than visits of nothing.
template <typename Visit>
HWY_INLINE void for_each_bit(uint64_t bits, Visit&& visit) {
  constexpr int at_a_time = 4;
  do {
    for (int i = 0; i < at_a_time; ++i, bits &= bits - 1) {
      visit(std::countr_zero(bits) & 63, bits != 0);
    }
  } while (bits != 0);
}

/// Writes a ChangeList pixel by pixel in raster order.
class ListBuilder {
 public:
  ListBuilder(const PackedLayer& layer, const TensorLayout& input, ChangeList& list)
      : layer_(layer), input_(input), list_(list) {
    list.y_low = 0;
    list.y_high = -1;
    list.x_low = layer.padded_width();
    list.x_high = -1;
  }

  HWY_INLINE void begin_pixel(int pixel) {
    begin_pixel(pixel / layer_.input.width + layer_.padding,
                pixel % layer_.input.width + layer_.padding);
  }
  /// y, x: of the padded image. Again for the same pixel: nothing.
  HWY_INLINE void begin_pixel(int y, int x) {
    if (row_ < 0) {
      list_.y_low = y;
      start_row(y);
    } else {
      while (row_ < y) {
        fill_to(layer_.padded_width());
        start_row(row_ + 1);
      }
    }
    fill_to(x);
    list_.x_low = std::min(list_.x_low, x);
    list_.x_high = std::max(list_.x_high, x);
    entry_ = static_cast<uint32_t>(x * layer_.input.channels) *
             static_cast<uint32_t>(layer_.rows_padded);
  }

  /// Changes of word `word` (plane * words + w) of the pixel.
  HWY_INLINE void add(int word, uint64_t up, uint64_t down) {
    const uint32_t stride = static_cast<uint32_t>(layer_.rows_padded);
    const uint32_t first =
        entry_ + static_cast<uint32_t>(word % input_.words * rows_per_word) * stride;
    const uint64_t all = up | down;
    for_each_bit(all, [&](int bit, bool valid) {
      // The entry is written to both lists and stays in one: no branch that depends on the data.
      const uint32_t entry = first + static_cast<uint32_t>(bit) * stride;
      const auto is_up = static_cast<std::ptrdiff_t>(up >> bit & 1);
      const auto is_any = static_cast<std::ptrdiff_t>(valid);
      *up_ = entry;
      *down_ = entry;
      up_ += is_up & is_any;
      down_ += ~is_up & is_any;
    });
  }

  void finish() {
    if (row_ >= 0) {
      fill_to(layer_.padded_width());
      list_.y_high = row_;
    }
    list_.up_count = static_cast<size_t>(up_ - list_.up.data());
    list_.down_count = static_cast<size_t>(down_ - list_.down.data());
  }

 private:
  void start_row(int y) {
    row_ = y;
    next_ = 0;
  }
  /// Everything so far belongs to pixels left of x.
  HWY_INLINE void fill_to(int x) {
    const size_t at = static_cast<size_t>(row_) * (layer_.padded_width() + 1);
    const uint32_t ups = static_cast<uint32_t>(up_ - list_.up.data());
    const uint32_t downs = static_cast<uint32_t>(down_ - list_.down.data());
    for (; next_ <= x; ++next_) {
      list_.up_begin[at + next_] = ups;
      list_.down_begin[at + next_] = downs;
    }
  }

  const PackedLayer& layer_;
  const TensorLayout& input_;
  ChangeList& list_;
  uint32_t* up_ = list_.up.data();
  uint32_t* down_ = list_.down.data();
  int row_ = -1;
  int next_ = 0;  // first begin of the row that is not yet written
  uint32_t entry_ = 0;
};

template <int kVectors>
HWY_INLINE void add_segment(const Segment& segment, int64_t row, NarrowVector (&sums)[kVectors]) {
  const Narrow d;
  const int8_t* columns = segment.columns + row;
  for (int i = 0; i < segment.count; ++i) {
    const int8_t* column = columns + segment.entries[i];
    for (int v = 0; v < kVectors; ++v) {
      sums[v] = hn::Add(sums[v], hn::Load(d, column + v * narrow_lanes));
    }
  }
}

template <int kVectors>
HWY_INLINE void subtract_segment(const Segment& segment, int64_t row,
                                 NarrowVector (&sums)[kVectors]) {
  const Narrow d;
  const int8_t* columns = segment.columns + row;
  for (int i = 0; i < segment.count; ++i) {
    const int8_t* column = columns + segment.entries[i];
    for (int v = 0; v < kVectors; ++v) {
      sums[v] = hn::Sub(sums[v], hn::Load(d, column + v * narrow_lanes));
    }
  }
}

/// New comparator outputs of kRows rows XOR the golden ones; returns their OR.
template <int kRows>
HWY_INLINE uint64_t changed_rows(const NarrowVector (&sums)[kRows / narrow_lanes],
                                 const int8_t* margins, const uint64_t* golden, uint64_t* diff) {
  const Narrow d;
  uint64_t any = 0;
  for (int w = 0; w < kRows / rows_per_word; ++w) {
    uint64_t negative = 0;
    for (int v = 0; v < rows_per_word / narrow_lanes; ++v) {
      const int lane = w * rows_per_word + v * narrow_lanes;
      const auto margin = hn::Load(d, margins + lane);
      const auto sum = hn::SaturatedAdd(margin, sums[lane / narrow_lanes]);
      negative |= negative_lanes(sum) << (v * narrow_lanes);
    }
    diff[w] = ~negative ^ golden[w];
    any |= diff[w];
  }
  return any;
}

template <int kRows>
HWY_INLINE uint64_t add_and_compare_rows(const PackedLayer& layer, const Window& window, int row,
                                         const int8_t* margins, const uint64_t* golden,
                                         uint64_t* diff) {
  const Narrow d;
  NarrowVector sums[kRows / narrow_lanes];
  for (auto& s : sums) s = hn::Zero(d);
  add_segment(window.up, row, sums);
  subtract_segment(window.down, row, sums);
  uint64_t any = 0;
  const int words = layer.rows_padded / rows_per_word;
  for (int t = 0; t < layer.thresholds; ++t) {
    const int word = t * words + row / rows_per_word;
    any |= changed_rows<kRows>(sums, margins + t * layer.rows_padded + row, golden + word,
                               diff + word);
  }
  return any;
}

/// The whole pixel, for at most additions_in_8_bits() changes.
HWY_INLINE uint64_t add_and_compare(const PackedLayer& layer, const Window& window,
                                    const int8_t* margins, const uint64_t* golden, uint64_t* diff) {
  uint64_t any = 0;
  int row = 0;
  for (; row + 256 <= layer.rows_padded; row += 256) {
    any |= add_and_compare_rows<256>(layer, window, row, margins, golden, diff);
  }
  if (row + 128 <= layer.rows_padded) {
    any |= add_and_compare_rows<128>(layer, window, row, margins, golden, diff);
    row += 128;
  }
  if (row < layer.rows_padded) {
    any |= add_and_compare_rows<64>(layer, window, row, margins, golden, diff);
  }
  return any;
}

template <int kVectors>
HWY_INLINE void widen(const NarrowVector (&narrow)[kVectors], int32_t* sums) {
  const Narrow d;
  const hn::CappedTag<int32_t, rows_per_word> d32;
  const hn::Rebind<int8_t, decltype(d32)> quarter;
  HWY_ALIGN int8_t bytes[kVectors * narrow_lanes];
  for (int v = 0; v < kVectors; ++v) hn::Store(narrow[v], d, bytes + v * narrow_lanes);
  for (int i = 0; i < kVectors * narrow_lanes; i += static_cast<int>(hn::Lanes(d32))) {
    const auto addend = hn::PromoteTo(d32, hn::LoadU(quarter, bytes + i));
    hn::Store(hn::Add(hn::Load(d32, sums + i), addend), d32, sums + i);
  }
}

template <int kRows>
HWY_INLINE void add_columns_rows(const PackedLayer& layer, const Window& window, int row,
                                 int32_t* sums) {
  const Narrow d;
  const int limit = layer.additions_in_8_bits();
  NarrowVector narrow[kRows / narrow_lanes];
  for (auto& s : narrow) s = hn::Zero(d);
  int room = limit;
  const auto add_all = [&](Segment left, bool up) {
    while (left.count > 0) {
      if (room == 0) {
        widen(narrow, sums + row);
        for (auto& s : narrow) s = hn::Zero(d);
        room = limit;
      }
      const Segment part{left.columns, left.entries, std::min(room, left.count)};
      if (up)
        add_segment(part, row, narrow);
      else
        subtract_segment(part, row, narrow);
      room -= part.count;
      left.entries += part.count;
      left.count -= part.count;
    }
  };
  add_all(window.up, true);
  add_all(window.down, false);
  widen(narrow, sums + row);
}

/// sums[rows_padded] += the columns of any number of changes.
HWY_INLINE void add_columns(const PackedLayer& layer, const Window& window, int32_t* sums) {
  int row = 0;
  for (; row + 256 <= layer.rows_padded; row += 256)
    add_columns_rows<256>(layer, window, row, sums);
  if (row + 128 <= layer.rows_padded) {
    add_columns_rows<128>(layer, window, row, sums);
    row += 128;
  }
  if (row < layer.rows_padded) add_columns_rows<64>(layer, window, row, sums);
}

/// bits[threshold][word]: margin + sum >= 0. margins: [threshold][rows_padded]. `keep`, if not
/// null, receives the new margins from index `at` on.
HWY_INLINE void compare(const PackedLayer& layer, const int32_t* margins, const int32_t* sums,
                        uint64_t* bits, Margins* keep, size_t at) {
  const hn::CappedTag<int32_t, rows_per_word> d;
  const hn::Rebind<int8_t, decltype(d)> quarter;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (int t = 0; t < layer.thresholds; ++t) {
    for (int row = 0; row < layer.rows_padded; row += rows_per_word) {
      uint64_t word = 0;
      // Comparators of padding rows give 0; their margins are kept all the same.
      const int end = keep != nullptr ? rows_per_word : std::min(rows_per_word, layer.rows - row);
      for (int i = 0; i < end; i += lanes) {
        const int r = t * layer.rows_padded + row + i;
        const auto margin = hn::Add(hn::Load(d, margins + r), hn::Load(d, sums + row + i));
        word |= mask_bits(d, hn::Gt(margin, hn::Set(d, -1))) << i;
        if (keep != nullptr) {
          hn::Store(margin, d, keep->wide.data() + at + r);
          hn::StoreU(hn::DemoteTo(quarter, margin), quarter, keep->narrow.data() + at + r);
        }
      }
      *bits++ = word;
    }
  }
}

/// Sets all channels in the first `planes` planes of a pixel.
HWY_INLINE void set_channels(const TensorLayout& layout, int planes, uint64_t* words) {
  const int tail = layout.shape.channels % rows_per_word;
  const uint64_t last = tail == 0 ? ~uint64_t{0} : (uint64_t{1} << tail) - 1;
  for (int k = 0; k < planes; ++k) {
    for (int w = 1; w < layout.words; ++w) *words++ = ~uint64_t{0};
    *words++ = last;
  }
}

/// Products of one window of 8-bit values, summed in the lanes of `d`: 16 bits, which is twice as
/// fast, where sums_fit_16_bits.
template <class D>
HWY_INLINE void multiply_rows(const PackedLayer& layer, const int16_t* image, int oy, int ox, D d,
                              int32_t* sums) {
  using T = hn::TFromD<D>;
  const hn::Rebind<int16_t, D> d16;
  constexpr int lanes = static_cast<int>(hn::MaxLanes(D()));
  constexpr int vectors = rows_per_word / lanes;
  const int row_columns = layer.window_row_columns();
  const int image_row = layer.padded_width() * layer.input.channels;
  const int16_t* corner = image + int64_t{oy} * layer.stride * image_row +
                          int64_t{ox} * layer.stride * layer.input.channels;
  for (int row = 0; row < layer.rows_padded; row += rows_per_word) {
    const int16_t* weights = layer.wide_columns.data() + row;
    hn::Vec<D> sum[vectors];
    for (auto& s : sum) s = hn::Zero(d);
    for (int ky = 0; ky < layer.kernel_height; ++ky) {
      const int16_t* x = corner + int64_t{ky} * image_row;
      for (int i = 0; i < row_columns; ++i, weights += layer.rows_padded) {
        const auto value = hn::Set(d, static_cast<T>(x[i]));
        for (int v = 0; v < vectors; ++v) {
          const auto weight = hn::LoadU(d16, weights + v * lanes);
          if constexpr (sizeof(T) == sizeof(int16_t))
            sum[v] = hn::Add(sum[v], hn::Mul(value, weight));
          else
            sum[v] = hn::Add(sum[v], hn::Mul(value, hn::PromoteTo(d, weight)));
        }
      }
    }
    HWY_ALIGN T results[rows_per_word];
    for (int v = 0; v < vectors; ++v) hn::Store(sum[v], d, results + v * lanes);
    std::copy(results, results + rows_per_word, sums + row);
  }
}

/// sums[rows_padded] of one window of 8-bit values.
HWY_INLINE void multiply_window(const PackedLayer& layer, const int16_t* image, int oy, int ox,
                                int32_t* sums) {
  if (layer.sums_fit_16_bits)
    multiply_rows(layer, image, oy, ox, hn::CappedTag<int16_t, rows_per_word>(), sums);
  else
    multiply_rows(layer, image, oy, ox, hn::CappedTag<int32_t, rows_per_word>(), sums);
}

}  // namespace stuckat::fast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
