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

#include <cstdint>
#include <vector>

#include "sim/fast/aligned_vector.h"
#include "sim/fast/packed_layer.h"

namespace stuckat::fast {

/// From layer.columns, with so many digits; plus_minus: the layer has only +1 and -1, and one
/// digit.
DenseWeights dense_weights(const PackedLayer& layer, int digits, bool plus_minus);
/// With as few as the layer's weights need.
DenseWeights dense_weights(const PackedLayer& layer);

ColumnBit column_bit(const PackedLayer& layer, int column);

/// Bits whose conjunctions are counted for a whole layer.
int64_t bit_products(const PackedLayer& layer, int input_digits);

/// What a weight is more than its DenseWeights hold.
struct ExcessWeight {
  int row = 0;
  ColumnBit at;
  int value = 0;
};

/// A layer's input as digits, with a border of padding.
struct DigitImage {
  explicit DigitImage(const PackedLayer& layer, const TensorLayout& input);
  DigitImage() = default;

  /// Planes of a whole tensor: golden, XOR diff unless that is null. `size` is left to
  /// kernels::fill_digits().
  void fill(const uint64_t* golden, const uint64_t* diff);

  int parts() const { return has_minus ? 2 : 1; }
  /// Words of one digit of one image row.
  int row_words() const { return positions * window.step * parts(); }
  size_t digit_words() const { return static_cast<size_t>(height) * row_words(); }
  /// The first word of a digit under a window whose corner is at (y, x), with padding.
  std::ptrdiff_t corner(int y, int x) const {
    return std::ptrdiff_t{y} * row_words() + std::ptrdiff_t{x} * window.step * parts();
  }

  TensorLayout layout;
  WindowWords window;
  int positions = 0;  ///< of a row at which a run begins: all, or if joined those of windows
  int most_digits = 0;
  int digits = 0;  ///< that are not 0 everywhere, after fill(): fault-free tensors hold no -2^(b-1)
  bool has_minus = false;
  int padding = 0;
  int height = 0;  ///< with padding
  int width = 0;
  AlignedVector<uint64_t> words;  ///< [digit][height][positions][window.step]{plus, nonzero}
  std::vector<int32_t> size;      ///< if counts: [height][width]: sum of |u| over the channels
  bool counts = false;            ///< weights are +1 and -1

  /// Of a digit that is not joined: [height][width][layout.words]{plus, nonzero}.
  const uint64_t* single_words(int digit) const {
    return (window.joined ? singles_ : words).data() +
           static_cast<size_t>(digit) * size.size() * static_cast<size_t>(layout.words * parts());
  }

 private:
  /// words from singles_.
  void join();
  int pixel(int y, int x) const {
    // A layer that is held as a convolution over one row has its pixels in raster order.
    if (height == 1) return y * layout.shape.width + x;
    return (y + padding) * width + x + padding;
  }
  uint64_t valid_channels(int word) const;
  template <typename Word>
  void fill_from(const Word& word);
  template <typename Word>
  uint64_t set_pixel(uint64_t* to, const Word& word);
  template <typename Word>
  uint64_t set_binary(uint64_t* to, const Word& word);
  template <typename Word>
  uint64_t set_ternary(uint64_t* to, const Word& word);

  int channels_ = 0;
  int kernel_width_ = 0;
  AlignedVector<uint64_t> singles_;  // if joined: [digit][height][width]{plus, nonzero}
};

}  // namespace stuckat::fast
