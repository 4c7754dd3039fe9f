// Operands of the dense path: how far activations are from the padding value, and weights, both as
// binary digits with signs.
//
// The accumulator changes by sum(w * u) where u = activation - padding value (0 outside the image).
// With u = sum_j 2^j (plus_j ? 1 : -1) nonzero_j and w = sum_i 2^i (positive_i ? 1 : -1) nonzero_i,
// all of them bits, the products of digits i and j of 64 channels sum to
//   2 * popcount(products & ~(positive_i ^ plus_j)) - popcount(products),
// where products = nonzero_i & nonzero_j. For weights of +1 and -1 the second count is the same for
// every row: DigitImage::size.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "sim/fast/aligned_vector.h"
#include "sim/fast/packed_layer.h"

namespace stuckat::fast {

/// From layer.columns.
DenseWeights dense_weights(const PackedLayer& layer);

/// Bits whose conjunctions are counted for a whole layer.
int64_t bit_products(const PackedLayer& layer, int input_digits);

/// A layer's input as digits, with a border of padding.
struct DigitImage {
  explicit DigitImage(const PackedLayer& layer, const TensorLayout& input);
  DigitImage() = default;

  /// word(i): word i of a whole tensor of planes.
  template <typename Word>
  void fill(Word&& word) {
    uint64_t used = 0;
    for (int y = 0, at = 0; y < layout.shape.height; ++y) {
      for (int x = 0; x < layout.shape.width; ++x, at += layout.pixel_words()) {
        used |= set_pixel(pixel(y, x), [&](int w) { return word(static_cast<size_t>(at + w)); });
      }
    }
    digits = static_cast<int>(std::bit_width(used));
  }

  int parts() const { return has_minus ? 2 : 1; }
  /// Words of one digit of one image row.
  int row_words() const { return width * layout.words * parts(); }

  TensorLayout layout;
  int most_digits = 0;
  int digits = 0;  ///< that are not 0 everywhere, after fill(): fault-free tensors hold no -2^(b-1)
  bool has_minus = false;
  int padding = 0;
  int height = 0;  ///< with padding
  int width = 0;
  AlignedVector<uint64_t> words;  ///< [digit][height][width][layout.words]{plus, nonzero}
  std::vector<int32_t> size;      ///< [height][width]: sum of |u| over the channels

 private:
  int pixel(int y, int x) const {
    // A layer that is held as a convolution over one row has its pixels in raster order.
    if (height == 1) return y * layout.shape.width + x;
    return (y + padding) * width + x + padding;
  }
  /// Returns which digits are not 0, as bits.
  template <typename Word>
  uint64_t set_pixel(int pixel, Word&& word);
};

template <typename Word>
uint64_t DigitImage::set_pixel(int pixel, Word&& word) {
  const int reference = layout.reference_level;
  const size_t digit_words = static_cast<size_t>(height) * static_cast<size_t>(row_words());
  uint64_t* to = words.data() + static_cast<size_t>(pixel) * layout.words * parts();
  int32_t sum = 0;
  uint64_t used = 0;
  for (int w = 0; w < layout.words; ++w) {
    const int tail = layout.shape.channels - w * rows_per_word;
    const uint64_t valid = tail >= rows_per_word ? ~uint64_t{0} : (uint64_t{1} << tail) - 1;
    for (int j = 0; j < most_digits; ++j) {
      // Planes are nested, so bit j of their number changes at every multiple of 2^j.
      uint64_t plus = 0;
      uint64_t minus = 0;
      for (int n = 1 << j; n <= layout.planes - reference; n += 1 << j) {
        plus ^= word((reference + n - 1) * layout.words + w);
      }
      for (int n = 1 << j; n <= reference; n += 1 << j) {
        minus ^= ~word((reference - n) * layout.words + w) & valid;
      }
      uint64_t* digit = to + static_cast<size_t>(j) * digit_words + w * parts();
      digit[0] = plus;
      if (has_minus) digit[1] = plus | minus;
      sum += std::popcount(plus | minus) << j;
      used |= uint64_t{(plus | minus) != 0 ? 1u : 0u} << j;
    }
  }
  size[static_cast<size_t>(pixel)] = sum;
  return used;
}

}  // namespace stuckat::fast
