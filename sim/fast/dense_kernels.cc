// A whole layer from digits of its input: dense_layer.h has the arithmetic.
#include <algorithm>
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
  const int run = layer.kernel_width * image.layout.words * parts;
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

/// sums[pixel][rows_padded] of kPixels windows.
template <int kPixels, bool kMinus, bool kPlusMinus>
HWY_INLINE void multiply_windows(const PackedLayer& layer, const DigitImage& image,
                                 const int (&pixels)[kPixels], int32_t* sums) {
  const Wide d;
  constexpr int vectors = tile_vectors<kPlusMinus>;
  constexpr int tile_rows = vectors * wide_lanes;
  const DenseWeights& dense = layer.dense;
  constexpr int weight_words = (kPlusMinus ? 1 : 2) * dense_block_rows;
  const size_t digit_words = static_cast<size_t>(image.height) * image.row_words();
  const size_t digit_weights = static_cast<size_t>(dense.column_words) * weight_words;
  int left[kPixels];
  int32_t sizes[kPixels];
  for (int p = 0; p < kPixels; ++p) {
    left[p] = pixels[p] / layer.output.width * layer.stride * image.width +
              pixels[p] % layer.output.width * layer.stride;
    sizes[p] = 0;
    if (!kPlusMinus) continue;
    for (int ky = 0; ky < layer.kernel_height; ++ky) {
      const int32_t* size =
          image.size.data() + left[p] + static_cast<std::ptrdiff_t>(ky) * image.width;
      for (int kx = 0; kx < layer.kernel_width; ++kx) sizes[p] += size[kx];
    }
  }
  // Rows of padding keep sums of 0: no comparator of theirs gives 1.
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
        corners[p] = image.words.data() + j * digit_words +
                     static_cast<std::ptrdiff_t>(left[p]) * image.layout.words * image.parts();
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
                         const int (&pixels)[kPixels], int32_t* sums) {
  if (image.has_minus && layer.dense.plus_minus)
    multiply_windows<kPixels, true, true>(layer, image, pixels, sums);
  else if (image.has_minus)
    multiply_windows<kPixels, true, false>(layer, image, pixels, sums);
  else if (layer.dense.plus_minus)
    multiply_windows<kPixels, false, true>(layer, image, pixels, sums);
  else
    multiply_windows<kPixels, false, false>(layer, image, pixels, sums);
}

void fill_digits(const uint64_t* golden, const uint64_t* diff, DigitImage& image) {
  if (diff == nullptr)
    image.fill([&](size_t w) { return golden[w]; });
  else
    image.fill([&](size_t w) { return golden[w] ^ diff[w]; });
}

void compute_layer(const PackedLayer& layer, const TensorLayout& output, const DigitImage& image,
                   Margins* margins, uint64_t* planes) {
  AlignedVector<int32_t> sums(static_cast<size_t>(tile_pixels) * layer.rows_padded);
  const auto finish = [&](int pixel, const int32_t* own_sums) {
    uint64_t* words = planes + static_cast<size_t>(pixel) * output.pixel_words();
    std::fill_n(words, layer.first_plane * output.words, ~uint64_t{0});
    mask_channels(output, layer.first_plane, words);
    const size_t at = static_cast<size_t>(pixel) * layer.thresholds * layer.rows_padded;
    compare(layer, layer.base_margin.data(), own_sums, words + layer.first_plane * output.words,
            margins, at);
    if (margins != nullptr && !margins->bits.empty()) {
      split_margins(layer, margins->narrow.data() + at,
                    margins->bits.data() + at / rows_per_word * margin_bits);
    }
  };
  const int end = layer.output.pixels();
  int pixel = 0;
  for (; pixel + tile_pixels <= end; pixel += tile_pixels) {
    int pixels[tile_pixels];
    for (int p = 0; p < tile_pixels; ++p) pixels[p] = pixel + p;
    multiply(layer, image, pixels, sums.data());
    for (int p = 0; p < tile_pixels; ++p) {
      finish(pixel + p, sums.data() + static_cast<size_t>(p) * layer.rows_padded);
    }
  }
  for (; pixel < end; ++pixel) {
    const int pixels[1] = {pixel};
    multiply(layer, image, pixels, sums.data());
    finish(pixel, sums.data());
  }
}

}  // namespace stuckat::fast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::fast {

HWY_EXPORT(fill_digits);
HWY_EXPORT(compute_layer);

namespace kernels {

void fill_digits(const uint64_t* golden, const uint64_t* diff, DigitImage& image) {
  HWY_DYNAMIC_DISPATCH(fill_digits)(golden, diff, image);
}

void compute_layer(const PackedLayer& layer, const TensorLayout& output, const DigitImage& image,
                   Margins* margins, uint64_t* planes) {
  HWY_DYNAMIC_DISPATCH(compute_layer)(layer, output, image, margins, planes);
}

}  // namespace kernels
}  // namespace stuckat::fast
#endif  // HWY_ONCE
