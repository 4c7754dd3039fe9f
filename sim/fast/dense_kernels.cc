// A whole layer from digits of its input: dense_layer.h has the arithmetic.
#include <algorithm>
#include <bit>
#include <cstring>

#include "sim/fast/dense_layer.h"
#include "sim/fast/highway_targets.h"
#include "sim/fast/kernels.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/fast/dense_kernels.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

#include "sim/fast/bit_kernels-inl.h"
#include "sim/fast/kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stuckat::fast::HWY_NAMESPACE {

/// A tile is kPixels output pixels x some vectors of rows: their sums, of which weights with zeros
/// have two, stay in registers, of which AVX-512 has 32 and others 16.
template <bool kPlusMinus>
inline constexpr int tile_vectors = kPlusMinus ? 4 : 2;
inline constexpr int tile_pixels = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL ? 4 : 2;
static_assert(dense_block_rows % (4 * wide_lanes) == 0);

/// bits & ~(a ^ b)
HWY_INLINE WideVector and_equal(WideVector bits, WideVector a, WideVector b) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  return WideVector{_mm512_ternarylogic_epi64(bits.raw, a.raw, b.raw, 0x90)};
#else
  return hn::AndNot(hn::Xor(a, b), bits);
#endif
}

/// total[pixel][vector] += 2^shift times the products of one digit of the weights with one digit of
/// the activations (without size, for weights of +1 and -1). corners: the first words under the
/// windows; weights: the tile's words of column word 0.
template <int kPixels, bool kMinus, bool kPlusMinus>
HWY_INLINE void multiply_digits(const PackedLayer& layer, const DigitImage& image,
                                const uint64_t* const (&corners)[kPixels], const uint64_t* weights,
                                int shift, WideVector (&total)[kPixels][tile_vectors<kPlusMinus>]) {
  const Wide d;
  constexpr int vectors = tile_vectors<kPlusMinus>;
  constexpr int parts = kMinus ? 2 : 1;
  constexpr int weight_words = (kPlusMinus ? 1 : 2) * dense_block_rows;
  WideVector positive[kPixels][vectors];  // popcounts of positive products
  WideVector nonzero[kPixels][vectors];
  for (int p = 0; p < kPixels; ++p) {
    for (int v = 0; v < vectors; ++v) positive[p][v] = nonzero[p][v] = hn::Zero(d);
  }
  const int run = image.window.run * parts;
  for (int ky = 0; ky < layer.kernel_height; ++ky) {
    const uint64_t* inputs[kPixels];
    for (int p = 0; p < kPixels; ++p) {
      inputs[p] = corners[p] + static_cast<std::ptrdiff_t>(ky) * image.row_words();
    }
    for (int i = 0; i < run; i += parts, weights += weight_words) {
      for (int p = 0; p < kPixels; ++p) {
        const WideVector plus = hn::Set(d, inputs[p][i]);
        const WideVector nonzero_input = kMinus ? hn::Set(d, inputs[p][i + parts - 1]) : plus;
        for (int v = 0; v < vectors; ++v) {
          const WideVector sign = hn::Load(d, weights + v * wide_lanes);
          WideVector products = nonzero_input;
          if constexpr (!kPlusMinus) {
            const WideVector mask = hn::Load(d, weights + dense_block_rows + v * wide_lanes);
            products = hn::And(products, mask);
            nonzero[p][v] = hn::Add(nonzero[p][v], hn::PopulationCount(products));
          }
          const WideVector bits =
              kMinus ? and_equal(products, sign, plus) : hn::And(products, sign);
          positive[p][v] = hn::Add(positive[p][v], hn::PopulationCount(bits));
        }
      }
    }
  }
  for (int p = 0; p < kPixels; ++p) {
    for (int v = 0; v < vectors; ++v) {
      const WideVector twice = hn::Add(positive[p][v], positive[p][v]);
      total[p][v] = hn::Add(total[p][v], hn::ShiftLeftSame(hn::Sub(twice, nonzero[p][v]), shift));
    }
  }
}

/// Where the window of an output pixel begins in the padded image.
struct Corner {
  int y = 0;
  int x = 0;
};

/// sums[pixel][rows_padded] of kPixels windows.
template <int kPixels, bool kMinus, bool kPlusMinus>
HWY_INLINE void multiply_windows(const PackedLayer& layer, const DigitImage& image,
                                 const Corner (&pixels)[kPixels], int32_t* sums) {
  const Wide d;
  constexpr int vectors = tile_vectors<kPlusMinus>;
  constexpr int tile_rows = vectors * wide_lanes;
  const DenseWeights& dense = layer.dense;
  constexpr int weight_words = (kPlusMinus ? 1 : 2) * dense_block_rows;
  const size_t digit_words = image.digit_words();
  const size_t digit_weights = static_cast<size_t>(dense.column_words) * weight_words;
  std::ptrdiff_t corner[kPixels];
  int32_t sizes[kPixels];
  for (int p = 0; p < kPixels; ++p) {
    corner[p] = image.corner(pixels[p].y, pixels[p].x);
    sizes[p] = 0;
    if (!kPlusMinus) continue;
    for (int ky = 0; ky < layer.kernel_height; ++ky) {
      const int32_t* size = image.size.data() +
                            static_cast<std::ptrdiff_t>(pixels[p].y + ky) * image.width +
                            pixels[p].x;
      for (int kx = 0; kx < layer.kernel_width; ++kx) sizes[p] += size[kx];
    }
  }
  // Rows of padding keep sums of 0.
  for (int row = 0; row < layer.rows; row += tile_rows) {
    const uint64_t* block =
        dense.words.data() +
        static_cast<size_t>(row / dense_block_rows) * dense.digits * digit_weights +
        row % dense_block_rows;
    WideVector total[kPixels][vectors];
    for (int p = 0; p < kPixels; ++p) {
      for (int v = 0; v < vectors; ++v) total[p][v] = hn::Zero(d);
    }
    for (int j = 0; j < image.digits; ++j) {
      const uint64_t* corners[kPixels];
      for (int p = 0; p < kPixels; ++p) {
        corners[p] = image.words.data() + j * digit_words + corner[p];
      }
      for (int i = 0; i < dense.digits; ++i) {
        multiply_digits<kPixels, kMinus, kPlusMinus>(layer, image, corners,
                                                     block + i * digit_weights, i + j, total);
      }
    }
    for (int p = 0; p < kPixels; ++p) {
      const hn::Rebind<uint32_t, Wide> half;
      uint32_t* to = reinterpret_cast<uint32_t*>(
          sums + static_cast<std::ptrdiff_t>(p) * layer.rows_padded + row);
      const auto size = hn::Set(half, static_cast<uint32_t>(sizes[p]));
      for (int v = 0; v < vectors; ++v) {
        hn::StoreU(hn::Sub(hn::TruncateTo(half, total[p][v]), size), half, to + v * wide_lanes);
      }
    }
  }
}

template <int kPixels>
HWY_INLINE void multiply(const PackedLayer& layer, const DigitImage& image,
                         const Corner (&pixels)[kPixels], int32_t* sums) {
  if (image.has_minus && layer.dense.plus_minus)
    multiply_windows<kPixels, true, true>(layer, image, pixels, sums);
  else if (image.has_minus)
    multiply_windows<kPixels, true, false>(layer, image, pixels, sums);
  else if (layer.dense.plus_minus)
    multiply_windows<kPixels, false, true>(layer, image, pixels, sums);
  else
    multiply_windows<kPixels, false, false>(layer, image, pixels, sums);
}

void count_digits(DigitImage& image) {
  const int words = image.layout.words;
  const int parts = image.parts();
  for (int j = 0; j == 0 || j < image.digits; ++j) {
    const uint64_t* nonzero = image.single_words(j) + parts - 1;
    for (int32_t& size : image.size) {
      int32_t count = 0;
      for (int w = 0; w < words; ++w, nonzero += parts) count += std::popcount(*nonzero);
      size = j == 0 ? count : size + count * (1 << j);
    }
  }
}

/// sums[row] of an output pixel += what the weights are more than they count there. words: of each
/// excess weight's input, from the window's corner.
HWY_INLINE void add_excesses(const DigitImage& image, std::span<const ExcessWeight> excesses,
                             const std::vector<std::ptrdiff_t>& words, Corner pixel,
                             int32_t* sums) {
  const uint64_t* corner = image.words.data() + image.corner(pixel.y, pixel.x);
  const int nonzero_part = image.parts() - 1;
  for (size_t i = 0; i < excesses.size(); ++i) {
    const ExcessWeight& excess = excesses[i];
    const uint64_t* word = corner + words[i];
    int input = 0;
    for (int j = 0; j < image.digits; ++j, word += image.digit_words()) {
      const int plus = static_cast<int>(word[0] >> excess.at.bit & 1);
      const int nonzero = static_cast<int>(word[nonzero_part] >> excess.at.bit & 1);
      input += (nonzero_part > 0 ? 2 * plus - nonzero : plus) * (1 << j);
    }
    sums[excess.row] += excess.value * input;
  }
}

void compute_layer(const PackedLayer& layer, const TensorLayout& output, const DigitImage& image,
                   std::span<const ExcessWeight> excesses, Margins* margins, uint64_t* planes) {
  // On the stack if they are few: this is called for every layer of every chip.
  constexpr size_t few = 2048;
  const size_t sum_count = static_cast<size_t>(tile_pixels) * layer.rows_padded;
  HWY_ALIGN int32_t few_sums[few];
  AlignedVector<int32_t> many_sums(sum_count > few ? sum_count : 0);
  int32_t* sums = sum_count > few ? many_sums.data() : few_sums;
  std::fill_n(sums, sum_count, 0);
  std::vector<std::ptrdiff_t> excess_words;
  for (const ExcessWeight& excess : excesses) {
    excess_words.push_back(std::ptrdiff_t{excess.at.word / image.window.run} * image.row_words() +
                           excess.at.word % image.window.run * image.parts());
  }
  const auto finish = [&](int pixel, Corner corner, int32_t* own_sums) {
    if (!excesses.empty()) add_excesses(image, excesses, excess_words, corner, own_sums);
    uint64_t* words = planes + static_cast<size_t>(pixel) * output.pixel_words();
    set_channels(output, layer.first_plane, words);
    const size_t at = static_cast<size_t>(pixel) * layer.thresholds * layer.rows_padded;
    compare(layer, layer.base_margin.data(), own_sums, words + layer.first_plane * output.words,
            margins, at);
    if (margins != nullptr && !margins->bits.empty()) {
      split_margins(layer, margins->narrow.data() + at,
                    margins->bits.data() + at / rows_per_word * margin_bits);
    }
  };
  const int end = layer.output.pixels();
  Corner next;
  const auto take = [&] {
    const Corner taken = next;
    next.x += layer.stride;
    if (next.x == layer.output.width * layer.stride) next = {next.y + layer.stride, 0};
    return taken;
  };
  int pixel = 0;
  for (; pixel + tile_pixels <= end; pixel += tile_pixels) {
    Corner corners[tile_pixels];
    for (Corner& corner : corners) corner = take();
    multiply(layer, image, corners, sums);
    for (int p = 0; p < tile_pixels; ++p) {
      finish(pixel + p, corners[p], sums + static_cast<size_t>(p) * layer.rows_padded);
    }
  }
  for (; pixel < end; ++pixel) {
    const Corner corners[1] = {take()};
    multiply(layer, image, corners, sums);
    finish(pixel, corners[0], sums);
  }
}

}  // namespace stuckat::fast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::fast {

HWY_EXPORT(count_digits);
HWY_EXPORT(compute_layer);

namespace kernels {

void fill_digits(const uint64_t* golden, const uint64_t* diff, DigitImage& image) {
  image.fill(golden, diff);
  if (image.counts) HWY_DYNAMIC_DISPATCH(count_digits)(image);
}

void compute_layer(const PackedLayer& layer, const TensorLayout& output, const DigitImage& image,
                   std::span<const ExcessWeight> excesses, Margins* margins, uint64_t* planes) {
  HWY_DYNAMIC_DISPATCH(compute_layer)(layer, output, image, excesses, margins, planes);
}

}  // namespace kernels
}  // namespace stuckat::fast
#endif  // HWY_ONCE
