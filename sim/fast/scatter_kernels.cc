// The kernel that goes from changed elements to the output pixels that see them.
#include <algorithm>
#include <bit>
#include <cstring>

#include "sim/fast/highway_targets.h"
#include "sim/fast/kernels.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/fast/scatter_kernels.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

#include "sim/fast/kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stuckat::fast::HWY_NAMESPACE {

using kernels::ScatterBuffers;

/// Changed elements of every changed pixel; returns their number.
HWY_INLINE int64_t collect_pixels(const PackedLayer& layer, const TensorLayout& input,
                                  const uint64_t* golden, const uint64_t* diff,
                                  const PixelSet& changed, ScatterBuffers& buffers) {
  buffers.pixels.clear();
  uint32_t* next = buffers.entries.data();
  const uint32_t stride = static_cast<uint32_t>(layer.rows_padded);
  const int words = input.pixel_words();
  changed.for_each([&](int pixel) {
    const size_t at = static_cast<size_t>(pixel) * words;
    int count = 0;
    for (int w = 0; w < words; ++w) count += std::popcount(diff[at + w]);
    // Ups grow from the front and downs from the end, so that no branch depends on the data.
    uint32_t* up = next;
    uint32_t* down = next + count;
    for (int w = 0; w < words; ++w) {
      const uint64_t was = golden[at + w];
      const uint32_t first = static_cast<uint32_t>(w % input.words * rows_per_word) * stride;
      for (uint64_t left = diff[at + w]; left != 0; left &= left - 1) {
        const int bit = std::countr_zero(left);
        const auto was_set = static_cast<std::ptrdiff_t>(was >> bit & 1);
        down -= was_set;
        uint32_t* to = was_set != 0 ? down : up;
        *to = first + static_cast<uint32_t>(bit) * stride;
        up += 1 - was_set;
      }
    }
    const int ups = static_cast<int>(up - next);
    buffers.pixels.push_back(
        {pixel, static_cast<uint32_t>(next - buffers.entries.data()), ups, count - ups});
    next += count;
  });
  return next - buffers.entries.data();
}

/// The greatest number of changes under any window.
HWY_INLINE int most_under_a_window(const PackedLayer& layer, ScatterBuffers& buffers) {
  for (const auto& p : buffers.pixels) {
    buffers.counts[static_cast<size_t>(p.pixel)] = static_cast<uint16_t>(p.ups + p.downs);
  }
  int most = 0;
  for (int oy = 0; oy < layer.output.height; ++oy) {
    for (int ox = 0; ox < layer.output.width; ++ox) {
      int sum = 0;
      for (int ky = 0; ky < layer.kernel_height; ++ky) {
        const int y = oy + ky - layer.padding;
        if (y < 0 || y >= layer.input.height) continue;
        const int x_begin = std::max(ox - layer.padding, 0);
        const int x_end = std::min(ox - layer.padding + layer.kernel_width, layer.input.width);
        for (int x = x_begin; x < x_end; ++x) {
          sum += buffers.counts[static_cast<size_t>(y * layer.input.width + x)];
        }
      }
      most = std::max(most, sum);
    }
  }
  for (const auto& p : buffers.pixels) buffers.counts[static_cast<size_t>(p.pixel)] = 0;
  return most;
}

/// Adds the changes of one pixel at one window position: kRows rows of weights and sums.
template <int kRows>
HWY_INLINE void add_rows(const int8_t* weights, const uint32_t* entries, int ups, int downs,
                         int8_t* sums) {
  const Narrow d;
  constexpr int vectors = kRows / narrow_lanes;
  NarrowVector s[vectors];
  for (int v = 0; v < vectors; ++v) s[v] = hn::Load(d, sums + v * narrow_lanes);
  int i = 0;
  for (; i < ups; ++i) {
    const int8_t* column = weights + entries[i];
    for (int v = 0; v < vectors; ++v) {
      s[v] = hn::Add(s[v], hn::Load(d, column + v * narrow_lanes));
    }
  }
  for (; i < ups + downs; ++i) {
    const int8_t* column = weights + entries[i];
    for (int v = 0; v < vectors; ++v) {
      s[v] = hn::Sub(s[v], hn::Load(d, column + v * narrow_lanes));
    }
  }
  for (int v = 0; v < vectors; ++v) hn::Store(s[v], d, sums + v * narrow_lanes);
}

HWY_INLINE void scatter_pixel(const PackedLayer& layer, const ScatterBuffers::Pixel& p,
                              ScatterBuffers& buffers) {
  const int y = p.pixel / layer.input.width + layer.padding;
  const int x = p.pixel % layer.input.width + layer.padding;
  const int kx_begin = std::max(0, x - layer.output.width + 1);
  const int kx_end = std::min(layer.kernel_width, x + 1);
  const int ky_begin = std::max(0, y - layer.output.height + 1);
  const int ky_end = std::min(layer.kernel_height, y + 1);
  const uint32_t* entries = buffers.entries.data() + p.first;
  const int64_t position = int64_t{layer.input.channels} * layer.rows_padded;
  for (int ky = ky_begin; ky < ky_end; ++ky) {
    const int oy = y - ky;
    // Windows ox = x - kx for kx_begin .. kx_end-1 see the pixel.
    const uint64_t run = (uint64_t{1} << (kx_end - kx_begin)) - 1;
    buffers.touched[static_cast<size_t>(oy)] |= run << (x - kx_end + 1);
    for (int kx = kx_begin; kx < kx_end; ++kx) {
      const int8_t* weights =
          layer.columns.data() + (int64_t{ky} * layer.kernel_width + kx) * position;
      int8_t* sums =
          buffers.sums.data() + (int64_t{oy} * layer.output.width + x - kx) * layer.rows_padded;
      int row = 0;
      for (; row + 128 <= layer.rows_padded; row += 128) {
        add_rows<128>(weights + row, entries, p.ups, p.downs, sums + row);
      }
      if (row < layer.rows_padded) {
        add_rows<64>(weights + row, entries, p.ups, p.downs, sums + row);
      }
    }
  }
}

/// diff of one output pixel; its sums become zero again.
template <int kRows>
HWY_INLINE uint64_t finish_rows(const PackedLayer& layer, int row, int8_t* sums,
                                const int8_t* margins, const uint64_t* golden, uint64_t* diff) {
  const Narrow d;
  constexpr int vectors = kRows / narrow_lanes;
  NarrowVector s[vectors];
  for (int v = 0; v < vectors; ++v) {
    s[v] = hn::Load(d, sums + row + v * narrow_lanes);
    hn::Store(hn::Zero(d), d, sums + row + v * narrow_lanes);
  }
  uint64_t any = 0;
  const int words = layer.rows_padded / rows_per_word;
  for (int t = 0; t < layer.thresholds; ++t) {
    const int word = t * words + row / rows_per_word;
    any |=
        changed_rows<kRows>(s, margins + t * layer.rows_padded + row, golden + word, diff + word);
  }
  return any;
}

int64_t scatter(const PackedLayer& layer, const TensorLayout& input, const TensorLayout& output,
                const Margins& margins, const uint64_t* golden_in, const uint64_t* diff_in,
                const PixelSet& changed_in, const uint64_t* golden, uint64_t* diff,
                PixelSet& changed, ScatterBuffers& buffers) {
  // Changes under an average window from which propagate() is faster (measured).
  constexpr int64_t dense_window = 4;
  const int limit = layer.additions_in_8_bits();
  const int64_t total = collect_pixels(layer, input, golden_in, diff_in, changed_in, buffers);
  if (total * layer.kernel_height * layer.kernel_width >
      dense_window * layer.output.height * layer.output.width) {
    return -1;
  }
  if (total > limit && most_under_a_window(layer, buffers) > limit) return -1;
  for (const auto& p : buffers.pixels) scatter_pixel(layer, p, buffers);
  for (int oy = 0; oy < layer.output.height; ++oy) {
    uint64_t changed_bits = 0;
    uint64_t& touched = buffers.touched[static_cast<size_t>(oy)];
    for (; touched != 0; touched &= touched - 1) {
      const int ox = std::countr_zero(touched);
      const int pixel = oy * layer.output.width + ox;
      int8_t* sums = buffers.sums.data() + static_cast<size_t>(pixel) * layer.rows_padded;
      const int8_t* margin =
          margins.narrow.data() + static_cast<size_t>(pixel) * layer.thresholds * layer.rows_padded;
      const size_t word = static_cast<size_t>(pixel) * output.pixel_words() +
                          static_cast<size_t>(layer.first_plane) * output.words;
      uint64_t any = 0;
      int row = 0;
      for (; row + 128 <= layer.rows_padded; row += 128) {
        any |= finish_rows<128>(layer, row, sums, margin, golden + word, diff + word);
      }
      if (row < layer.rows_padded) {
        any |= finish_rows<64>(layer, row, sums, margin, golden + word, diff + word);
      }
      changed_bits |= uint64_t{any != 0 ? 1u : 0u} << ox;
    }
    changed.insert_bits(oy * layer.output.width, changed_bits);
  }
  return total * layer.kernel_height * layer.kernel_width * layer.rows;
}

}  // namespace stuckat::fast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::fast {

HWY_EXPORT(scatter);

namespace kernels {

bool ScatterBuffers::fits(const PackedLayer& layer) {
  constexpr int widest_row = 64;
  return layer.path == LayerPath::matrix && !layer.accumulator_output && layer.stride == 1 &&
         layer.output.pixels() > 1 && layer.padded_width() <= widest_row;
}

void ScatterBuffers::reserve(const PackedLayer& layer, const TensorLayout& input) {
  sums.assign(static_cast<size_t>(layer.output.pixels()) * layer.rows_padded, 0);
  touched.assign(static_cast<size_t>(layer.output.height), 0);
  entries.resize(static_cast<size_t>(input.shape.size()) * input.planes + 1);
  counts.assign(static_cast<size_t>(input.shape.pixels()), 0);
}

int64_t scatter(const PackedLayer& layer, const TensorLayout& input, const TensorLayout& output,
                const Margins& margins, const uint64_t* golden_in, const uint64_t* diff_in,
                const PixelSet& changed_in, const uint64_t* golden, uint64_t* diff,
                PixelSet& changed, ScatterBuffers& buffers) {
  return HWY_DYNAMIC_DISPATCH(scatter)(layer, input, output, margins, golden_in, diff_in,
                                       changed_in, golden, diff, changed, buffers);
}

}  // namespace kernels
}  // namespace stuckat::fast
#endif  // HWY_ONCE
