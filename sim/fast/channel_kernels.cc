// Kernels for stuck channels, and for pools.
#include <algorithm>
#include <cstring>

#include "sim/fast/highway_targets.h"
#include "sim/fast/kernels.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/fast/channel_kernels.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

#include "sim/fast/kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stuckat::fast::HWY_NAMESPACE {

using kernels::StuckLevel;

/// Image rows with padding around them, and what lies under a window.
class PatternRows {
 public:
  PatternRows(const PackedLayer& layer, std::span<const uint64_t* const> rows)
      : layer_(layer), planes_(static_cast<int>(rows.size())) {
    const int height = layer.padded_height();
    bits_.assign(static_cast<size_t>(planes_ + 1) * height, 0);
    const int width = layer.input.width;
    const uint64_t inside = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
    for (int y = 0; y < layer.input.height; ++y) {
      const size_t at = static_cast<size_t>(y + layer.padding);
      for (int k = 0; k < planes_; ++k) {
        bits_[static_cast<size_t>(k) * height + at] = rows[k][y] << layer.padding;
      }
      bits_[static_cast<size_t>(planes_) * height + at] = inside << layer.padding;
    }
  }
  /// `plane` may be planes(): the positions that are inside the image.
  HWY_INLINE size_t pattern(int plane, int row, int column) const {
    const uint64_t bits = bits_[static_cast<size_t>(plane * layer_.padded_height() + row)];
    return static_cast<size_t>(bits >> column) & ((size_t{1} << layer_.kernel_width) - 1);
  }
  int planes() const { return planes_; }

 private:
  const PackedLayer& layer_;
  int planes_;
  std::vector<uint64_t> bits_;  // [plane][padded_height]
};

/// diff of one pixel at one level: the sign of margin + addend - sum, kRows rows from `row` on.
template <int kRows>
HWY_INLINE uint64_t compare_level(const PackedLayer& layer,
                                  const NarrowVector (&sums)[kRows / narrow_lanes],
                                  const int8_t* addend, const int8_t* margins, int row,
                                  const uint64_t* golden, uint64_t* diff) {
  const Narrow d;
  NarrowVector differences[kRows / narrow_lanes];
  for (int v = 0; v < kRows / narrow_lanes; ++v) {
    differences[v] = hn::Sub(hn::Load(d, addend + row + v * narrow_lanes), sums[v]);
  }
  uint64_t any = 0;
  const int words = layer.rows_padded / rows_per_word;
  for (int t = 0; t < layer.thresholds; ++t) {
    const int word = t * words + row / rows_per_word;
    any |= changed_rows<kRows>(differences, margins + t * layer.rows_padded + row, golden + word,
                               diff + word);
  }
  return any;
}

/// One pixel: the table entries at `at` are the channels' share of the golden accumulators.
template <int kRows>
HWY_INLINE void channel_pixel(const PackedLayer& layer, const int8_t* const* at, int count, int row,
                              const int8_t* addends, const int8_t* margins, const uint64_t* golden,
                              size_t word, std::span<const StuckLevel> levels, uint64_t* any) {
  const Narrow d;
  NarrowVector sums[kRows / narrow_lanes];
  for (int v = 0; v < kRows / narrow_lanes; ++v) {
    sums[v] = hn::Load(d, at[0] + row + v * narrow_lanes);
  }
  for (int i = 1; i < count; ++i) {
    for (int v = 0; v < kRows / narrow_lanes; ++v) {
      sums[v] = hn::Add(sums[v], hn::Load(d, at[i] + row + v * narrow_lanes));
    }
  }
  for (size_t l = 0; l < levels.size(); ++l) {
    any[l] |= compare_level<kRows>(layer, sums, addends + l * layer.rows_padded, margins, row,
                                   golden, levels[l].diff + word);
  }
}

/// addends[level][rows_padded]: the channels' share when every position in `patterns` is at level.
HWY_INLINE void fill_addends(const PackedLayer& layer, std::span<const ChannelTable* const> tables,
                             const size_t* patterns, std::span<const StuckLevel> levels,
                             int8_t* addends) {
  const int stride = layer.rows_padded;
  std::fill_n(addends, stride, int8_t{0});
  for (const ChannelTable* table : tables) {
    for (int ky = 0; ky < layer.kernel_height; ++ky) {
      const int8_t* sums = table->sums(ky) + patterns[ky] * static_cast<size_t>(stride);
      for (int row = 0; row < stride; ++row) {
        addends[row] = static_cast<int8_t>(addends[row] + sums[row]);
      }
    }
  }
  for (size_t l = levels.size(); l-- > 0;) {
    for (int row = 0; row < stride; ++row) {
      addends[l * stride + row] = static_cast<int8_t>(levels[l].raise * addends[row]);
    }
  }
}

void propagate_channels(const PackedLayer& layer, const TensorLayout& output,
                        const Margins& margins, const uint64_t* golden,
                        std::span<const ChannelTable* const> tables,
                        std::span<const uint64_t* const> rows, std::span<const StuckLevel> levels) {
  const PatternRows patterns(layer, rows);
  const int kernel = layer.kernel_height;
  const size_t full = (size_t{1} << layer.kernel_width) - 1;
  AlignedVector<int8_t> addends(levels.size() * layer.rows_padded);
  AlignedVector<int8_t> border_addends(addends.size());
  std::vector<size_t> inside(static_cast<size_t>(kernel), full);
  std::vector<const int8_t*> entries(static_cast<size_t>(patterns.planes() * kernel));
  std::vector<uint64_t> any(levels.size());
  std::vector<uint64_t> changed(levels.size());
  fill_addends(layer, tables, inside.data(), levels, addends.data());
  const int count = static_cast<int>(entries.size());
  const size_t planes_of_a_channel = rows.size() / tables.size();
  for (int oy = 0; oy < layer.output.height; ++oy) {
    std::fill(changed.begin(), changed.end(), 0);
    for (int ox = 0; ox < layer.output.width; ++ox) {
      const int top = oy * layer.stride;
      const int left = ox * layer.stride;
      for (int k = 0, i = 0; k < patterns.planes(); ++k) {
        const ChannelTable& table = *tables[static_cast<size_t>(k) / planes_of_a_channel];
        for (int ky = 0; ky < kernel; ++ky) {
          entries[i++] = table.sums(ky) + patterns.pattern(k, top + ky, left) * layer.rows_padded;
        }
      }
      const int8_t* addend = addends.data();
      if (layer.padding > 0) {
        bool border = false;
        for (int ky = 0; ky < kernel; ++ky) {
          inside[ky] = patterns.pattern(patterns.planes(), top + ky, left);
          border = border || inside[ky] != full;
        }
        if (border) {
          fill_addends(layer, tables, inside.data(), levels, border_addends.data());
          addend = border_addends.data();
        }
      }
      const int pixel = oy * layer.output.width + ox;
      const int8_t* margin =
          margins.narrow.data() + static_cast<size_t>(pixel) * layer.thresholds * layer.rows_padded;
      const size_t word = static_cast<size_t>(pixel) * output.pixel_words() +
                          static_cast<size_t>(layer.first_plane) * output.words;
      std::fill(any.begin(), any.end(), 0);
      int row = 0;
      for (; row + 128 <= layer.rows_padded; row += 128) {
        channel_pixel<128>(layer, entries.data(), count, row, addend, margin, golden + word, word,
                           levels, any.data());
      }
      if (row < layer.rows_padded) {
        channel_pixel<64>(layer, entries.data(), count, row, addend, margin, golden + word, word,
                          levels, any.data());
      }
      for (size_t l = 0; l < levels.size(); ++l) {
        changed[l] |= uint64_t{any[l] != 0 ? 1u : 0u} << ox;
      }
    }
    for (size_t l = 0; l < levels.size(); ++l) {
      levels[l].changed->insert_bits(oy * layer.output.width, changed[l]);
    }
  }
}

void list_channel(const PackedLayer& layer, const TensorLayout& input, int channel,
                  std::span<const uint64_t* const> rows, int level, ChangeList& list) {
  ListBuilder builder(layer, input, list);
  const int width = input.shape.width;
  const uint64_t inside = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
  const uint64_t bit = uint64_t{1} << (channel % rows_per_word);
  const int planes = static_cast<int>(rows.size());
  for (int y = 0; y < input.shape.height; ++y) {
    uint64_t any = 0;
    for (int k = 0; k < planes; ++k) any |= k < level ? inside & ~rows[k][y] : rows[k][y];
    for (; any != 0; any &= any - 1) {
      const int x = std::countr_zero(any);
      builder.begin_pixel(y * width + x);
      for (int k = 0; k < planes; ++k) {
        const bool set = (rows[k][y] >> x & 1) != 0;
        if (set == (k < level)) continue;
        builder.add(k * input.words + channel / rows_per_word, set ? 0 : bit, set ? bit : 0);
      }
    }
  }
  builder.finish();
}

void propagate_pool_2x2(const PackedLayer& layer, const TensorLayout& input,
                        const uint64_t* golden_in, const uint64_t* diff_in,
                        const PixelSet& changed_in, const uint64_t* golden, uint64_t* diff,
                        PixelSet& changed) {
  const int width = input.shape.width;
  const int used = 2 * layer.output.width;  // an odd last column is not under any window
  const size_t words = static_cast<size_t>(input.pixel_words());
  const size_t row_words = static_cast<size_t>(width) * words;
  constexpr uint64_t even = 0x5555555555555555u;
  const int oy_end = std::min(layer.output.height, changed_in.end_word_pixel() / (2 * width) + 1);
  for (int oy = changed_in.first_word_pixel() / (2 * width); oy < oy_end; ++oy) {
    const uint64_t either =
        changed_in.bits(2 * oy * width, used) | changed_in.bits((2 * oy + 1) * width, used);
    uint64_t out_bits = 0;
    for (uint64_t left = (either | either >> 1) & even; left != 0; left &= left - 1) {
      const int x = std::countr_zero(left);
      const size_t in = static_cast<size_t>(2 * oy * width + x) * words;
      const size_t out = static_cast<size_t>(oy * layer.output.width + x / 2) * words;
      uint64_t any = 0;
      for (size_t w = 0; w < words; ++w) {
        const size_t a = in + w;
        const size_t b = a + row_words;
        const uint64_t now =
            (golden_in[a] ^ diff_in[a]) | (golden_in[a + words] ^ diff_in[a + words]) |
            (golden_in[b] ^ diff_in[b]) | (golden_in[b + words] ^ diff_in[b + words]);
        diff[out + w] = now ^ golden[out + w];
        any |= diff[out + w];
      }
      out_bits |= uint64_t{any != 0 ? 1u : 0u} << (x / 2);
    }
    changed.insert_bits(oy * layer.output.width, out_bits);
  }
}

}  // namespace stuckat::fast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::fast {

HWY_EXPORT(propagate_channels);
HWY_EXPORT(list_channel);
HWY_EXPORT(propagate_pool_2x2);

namespace kernels {

void propagate_channels(const PackedLayer& layer, const TensorLayout& output,
                        const Margins& margins, const uint64_t* golden,
                        std::span<const ChannelTable* const> tables,
                        std::span<const uint64_t* const> rows, std::span<const StuckLevel> levels) {
  HWY_DYNAMIC_DISPATCH(propagate_channels)(layer, output, margins, golden, tables, rows, levels);
}

void list_channel(const PackedLayer& layer, const TensorLayout& input, int channel,
                  std::span<const uint64_t* const> rows, int level, ChangeList& list) {
  HWY_DYNAMIC_DISPATCH(list_channel)(layer, input, channel, rows, level, list);
}

void propagate_pool_2x2(const PackedLayer& layer, const TensorLayout& input,
                        const uint64_t* golden_in, const uint64_t* diff_in,
                        const PixelSet& changed_in, const uint64_t* golden, uint64_t* diff,
                        PixelSet& changed) {
  HWY_DYNAMIC_DISPATCH(propagate_pool_2x2)
  (layer, input, golden_in, diff_in, changed_in, golden, diff, changed);
}

}  // namespace kernels
}  // namespace stuckat::fast
#endif  // HWY_ONCE
