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

/// Row and column pitch of ScatterBuffers::sums, in pixels.
HWY_INLINE int sums_width(const PackedLayer& layer) {
  return layer.padded_width() + layer.kernel_width - 1;
}

/// Where every changed element adds.
struct Listed {
  size_t ups;
  size_t downs;
};
HWY_INLINE Listed list_elements(const PackedLayer& layer, const TensorLayout& input,
                                const uint64_t* golden, const uint64_t* diff,
                                const ChangedWords& words, ScatterBuffers& buffers) {
  ScatterBuffers::Change* up = buffers.ups.data();
  ScatterBuffers::Change* down = buffers.downs.data();
  const uint32_t stride = static_cast<uint32_t>(layer.rows_padded);
  for (size_t i = 0; i < words.count; ++i) {
    const ChangedWords::Word& word = words.list[i];
    const size_t at = static_cast<size_t>(word.pixel) * input.pixel_words() + word.word;
    const uint64_t was = golden[at];
    const uint32_t first =
        static_cast<uint32_t>(static_cast<int>(word.word) % input.words * rows_per_word) * stride;
    const int pixel = (word.y + layer.padding) * sums_width(layer) + word.x + layer.padding;
    const uint32_t sums = static_cast<uint32_t>(pixel) * stride;
    for_each_bit(diff[at], [&](int bit, bool valid) {
      const ScatterBuffers::Change change{first + static_cast<uint32_t>(bit) * stride, sums};
      const auto is_down = static_cast<std::ptrdiff_t>(was >> bit & 1);
      const auto is_any = static_cast<std::ptrdiff_t>(valid);
      *up = change;
      *down = change;
      down += is_down & is_any;
      up += ~is_down & is_any;
    });
  }
  return {static_cast<size_t>(up - buffers.ups.data()),
          static_cast<size_t>(down - buffers.downs.data())};
}

/// One changed element, every window that sees it. kKernel: width and height, or 0.
template <int kKernel, bool kUp>
HWY_INLINE void add_elements(const PackedLayer& layer, const ScatterBuffers::Change* changes,
                             size_t count, int8_t* all_sums) {
  const Narrow d;
  const int kernel_height = kKernel != 0 ? kKernel : layer.kernel_height;
  const int kernel_width = kKernel != 0 ? kKernel : layer.kernel_width;
  const int stride = layer.rows_padded;
  const int64_t position = int64_t{layer.input.channels} * stride;
  const int64_t row_step = int64_t{sums_width(layer)} * stride;
  for (size_t i = 0; i < count; ++i) {
    const int8_t* weights = layer.columns.data() + changes[i].column;
    // Position (0, 0) of the window at (y, x) is on pixel (y, x), position (ky, kx) of the one at
    // (y - ky, x - kx): in sums, kernel - 1 - ky rows below changes[i].sums.
    int8_t* corner =
        all_sums + changes[i].sums + (kernel_height - 1) * row_step + (kernel_width - 1) * stride;
    for (int ky = 0; ky < kernel_height; ++ky) {
      for (int kx = 0; kx < kernel_width; ++kx, weights += position) {
        int8_t* sums = corner - ky * row_step - kx * stride;
        for (int row = 0; row < stride; row += narrow_lanes) {
          const auto sum = hn::Load(d, sums + row);
          const auto weight = hn::Load(d, weights + row);
          hn::Store(kUp ? hn::Add(sum, weight) : hn::Sub(sum, weight), d, sums + row);
        }
      }
    }
  }
}

template <int kKernel>
HWY_INLINE void add_all(const PackedLayer& layer, const Listed& listed, ScatterBuffers& buffers) {
  add_elements<kKernel, true>(layer, buffers.ups.data(), listed.ups, buffers.sums.data());
  add_elements<kKernel, false>(layer, buffers.downs.data(), listed.downs, buffers.sums.data());
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
                const PixelSet& changed_in, const ChangedWords& words, const uint64_t* golden,
                uint64_t* diff, PixelSet& changed, ScatterBuffers& buffers) {
  const Listed listed = list_elements(layer, input, golden_in, diff_in, words, buffers);
  if (layer.kernel_height == 3 && layer.kernel_width == 3)
    add_all<3>(layer, listed, buffers);
  else
    add_all<0>(layer, listed, buffers);
  const int width = layer.input.width;
  for (int y = 0; y < layer.input.height; ++y) {
    if (words.row_changes[static_cast<size_t>(y)] == 0) continue;
    const uint64_t bits = changed_in.bits(y * width, width) << layer.padding;
    uint64_t seen = 0;
    for (int kx = 0; kx < layer.kernel_width; ++kx) seen |= bits << kx;
    for (int ky = 0; ky < layer.kernel_height; ++ky) {
      buffers.touched[static_cast<size_t>(y + layer.padding + ky)] |= seen;
    }
  }
  const uint64_t inside =
      layer.output.width == 64 ? ~uint64_t{0} : (uint64_t{1} << layer.output.width) - 1;
  for (int oy = 0; oy < layer.output.height; ++oy) {
    uint64_t changed_bits = 0;
    const int sums_y = oy + layer.kernel_height - 1;
    uint64_t touched = buffers.touched[static_cast<size_t>(sums_y)] >> (layer.kernel_width - 1);
    for (touched &= inside; touched != 0; touched &= touched - 1) {
      const int ox = std::countr_zero(touched);
      const int pixel = oy * layer.output.width + ox;
      const int at = sums_y * sums_width(layer) + ox + layer.kernel_width - 1;
      int8_t* sums = buffers.sums.data() + static_cast<size_t>(at) * layer.rows_padded;
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
  std::fill(buffers.touched.begin(), buffers.touched.end(), 0);
  return words.changes * layer.kernel_height * layer.kernel_width * layer.rows;
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
         layer.output.pixels() > 1 && layer.padded_width() + layer.kernel_width - 1 <= widest_row;
}

void ScatterBuffers::reserve(const PackedLayer& layer, const TensorLayout& input) {
  constexpr size_t slack = 4;
  const size_t height = static_cast<size_t>(layer.padded_height() + layer.kernel_height - 1);
  const size_t width = static_cast<size_t>(layer.padded_width() + layer.kernel_width - 1);
  sums.assign(height * width * static_cast<size_t>(layer.rows_padded), 0);
  touched.assign(height, 0);
  const size_t most = static_cast<size_t>(input.shape.size()) * input.planes + slack;
  ups.resize(most);
  downs.resize(most);
}

bool scatter_is_exact(const PackedLayer& layer, const ChangedWords& words) {
  const int limit = layer.additions_in_8_bits();
  if (words.changes <= limit) return true;
  for (int y = 0; y < layer.input.height; ++y) {
    const int end = std::min(y + layer.kernel_height, layer.input.height);
    int64_t sum = 0;
    for (int row = y; row < end; ++row) sum += words.row_changes[static_cast<size_t>(row)];
    if (sum > limit) return false;
  }
  return true;
}

int64_t scatter(const PackedLayer& layer, const TensorLayout& input, const TensorLayout& output,
                const Margins& margins, const uint64_t* golden_in, const uint64_t* diff_in,
                const PixelSet& changed_in, const ChangedWords& words, const uint64_t* golden,
                uint64_t* diff, PixelSet& changed, ScatterBuffers& buffers) {
  return HWY_DYNAMIC_DISPATCH(scatter)(layer, input, output, margins, golden_in, diff_in,
                                       changed_in, words, golden, diff, changed, buffers);
}

}  // namespace kernels
}  // namespace stuckat::fast
#endif  // HWY_ONCE
