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

/// The changes under one output pixel.
struct Window {
  explicit Window(const ChangeList& list)
      : up(list.segments.data()), down(up + list.segments.size() / 2) {}

  Segment* up;
  Segment* down;
  int ups = 0;
  int downs = 0;

  /// Returns the number of changes.
  HWY_INLINE int collect(const PackedLayer& layer, const ChangeList& list, int oy, int ox) {
    ups = 0;
    downs = 0;
    int total = 0;
    const int x = ox * layer.stride;
    const int x_end = x + layer.kernel_width;
    const int top = oy * layer.stride;
    const int ky_begin = std::max(0, list.y_low - top);
    const int ky_end = std::min(layer.kernel_height, list.y_high - top + 1);
    const int64_t row_bytes = int64_t{layer.input.channels} * layer.rows_padded;
    for (int ky = ky_begin; ky < ky_end; ++ky) {
      const size_t row = static_cast<size_t>(top + ky) * (layer.padded_width() + 1);
      const int8_t* columns =
          layer.columns.data() + (int64_t{ky} * layer.kernel_width - x) * row_bytes;
      const uint32_t up_first = list.up_begin[row + x];
      const int up_count = static_cast<int>(list.up_begin[row + x_end] - up_first);
      if (up_count != 0) up[ups++] = {columns, list.up.data() + up_first, up_count};
      const uint32_t down_first = list.down_begin[row + x];
      const int down_count = static_cast<int>(list.down_begin[row + x_end] - down_first);
      if (down_count != 0) down[downs++] = {columns, list.down.data() + down_first, down_count};
      total += up_count + down_count;
    }
    return total;
  }
};

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
    const int y = pixel / layer_.input.width + layer_.padding;
    const int x = pixel % layer_.input.width + layer_.padding;
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
    // The entry is written to both lists and stays in one: no branch that depends on the data.
    for (uint64_t left = up | down; left != 0; left &= left - 1) {
      const int bit = std::countr_zero(left);
      const uint32_t entry = first + static_cast<uint32_t>(bit) * stride;
      const auto is_up = static_cast<std::ptrdiff_t>(up >> bit & 1);
      *up_ = entry;
      *down_ = entry;
      up_ += is_up;
      down_ += 1 - is_up;
    }
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
  for (int i = 0; i < window.ups; ++i) add_segment(window.up[i], row, sums);
  for (int i = 0; i < window.downs; ++i) subtract_segment(window.down[i], row, sums);
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
  const auto add_all = [&](const Segment* segments, int count, bool up) {
    for (int i = 0; i < count; ++i) {
      Segment left = segments[i];
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
    }
  };
  add_all(window.up, window.ups, true);
  add_all(window.down, window.downs, false);
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
      for (int i = 0; i < rows_per_word; i += lanes) {
        const int r = t * layer.rows_padded + row + i;
        const auto margin = hn::Add(hn::Load(d, margins + r), hn::Load(d, sums + row + i));
        uint8_t mask[8] = {};
        hn::StoreMaskBits(d, hn::Gt(margin, hn::Set(d, -1)), mask);
        uint64_t lane_bits;
        memcpy(&lane_bits, mask, sizeof(lane_bits));
        word |= lane_bits << i;
        if (keep != nullptr) {
          hn::Store(margin, d, keep->wide.data() + at + r);
          hn::StoreU(hn::DemoteTo(quarter, margin), quarter, keep->narrow.data() + at + r);
        }
      }
      *bits++ = word;
    }
  }
}

/// Clears the bits beyond the last channel in the first `planes` planes of a pixel.
HWY_INLINE void mask_channels(const TensorLayout& layout, int planes, uint64_t* words) {
  const int tail = layout.shape.channels % rows_per_word;
  if (tail == 0) return;
  for (int k = 0; k < planes; ++k) {
    words[k * layout.words + layout.words - 1] &= (uint64_t{1} << tail) - 1;
  }
}

template <class D, typename T>
HWY_INLINE void multiply_rows(const PackedLayer& layer, const int16_t* image, int oy, int ox, D d,
                              T* sums) {
  const hn::Rebind<int16_t, D> d16;
  const int lanes = static_cast<int>(hn::Lanes(d));
  const int row_columns = layer.window_row_columns();
  const int image_row = layer.padded_width() * layer.input.channels;
  const int16_t* corner = image + int64_t{oy} * layer.stride * image_row +
                          int64_t{ox} * layer.stride * layer.input.channels;
  for (int row = 0; row < layer.rows_padded; row += lanes) {
    const int16_t* weights = layer.wide_columns.data() + row;
    auto sum = hn::Zero(d);
    for (int ky = 0; ky < layer.kernel_height; ++ky) {
      const int16_t* x = corner + int64_t{ky} * image_row;
      for (int i = 0; i < row_columns; ++i, weights += layer.rows_padded) {
        const auto value = hn::Set(d, static_cast<T>(x[i]));
        if constexpr (sizeof(T) == sizeof(int16_t)) {
          sum = hn::Add(sum, hn::Mul(value, hn::Load(d16, weights)));
        } else {
          sum = hn::Add(sum, hn::Mul(value, hn::PromoteTo(d, hn::LoadU(d16, weights))));
        }
      }
    }
    hn::StoreU(sum, d, sums + row);
  }
}

/// sums[rows_padded] of one window of 8-bit values.
HWY_INLINE void multiply_window(const PackedLayer& layer, const int16_t* image, int oy, int ox,
                                int32_t* sums) {
  const hn::CappedTag<int32_t, rows_per_word> d32;
  multiply_rows(layer, image, oy, ox, d32, sums);
}

}  // namespace stuckat::fast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
