#include "sim/fast/dense_layer.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace stuckat::fast {

DigitImage::DigitImage(const PackedLayer& layer, const TensorLayout& input)
    : layout(input),
      has_minus(input.reference_level > 0),
      padding(layer.padding),
      height(layer.padded_height()),
      width(layer.padded_width()) {
  const int largest = std::max(input.planes - input.reference_level, input.reference_level);
  most_digits = std::bit_width(static_cast<unsigned>(largest));
  words.assign(static_cast<size_t>(most_digits) * static_cast<size_t>(height) *
                   static_cast<size_t>(row_words()),
               0);
  size.assign(static_cast<size_t>(height) * static_cast<size_t>(width), 0);
}

int64_t bit_products(const PackedLayer& layer, int input_digits) {
  const DenseWeights& dense = layer.dense;
  return int64_t{layer.output.pixels()} * layer.rows_padded * dense.column_words * rows_per_word *
         dense.digits * input_digits * (dense.plus_minus ? 1 : 2);
}

DenseWeights dense_weights(const PackedLayer& layer) {
  DenseWeights dense;
  const int channels = layer.input.channels;
  const int words = (channels + rows_per_word - 1) / rows_per_word;
  const int positions = layer.kernel_height * layer.kernel_width;
  const size_t stride = static_cast<size_t>(layer.rows_padded);
  dense.column_words = positions * words;
  dense.plus_minus = !layer.bit_columns.empty();
  dense.digits =
      dense.plus_minus ? 1 : std::bit_width(static_cast<unsigned>(layer.weight_magnitude));
  const int parts = dense.plus_minus ? 1 : 2;
  const size_t block_words = static_cast<size_t>(parts * dense_block_rows);
  dense.words.assign(stride / dense_block_rows * static_cast<size_t>(dense.digits) *
                         static_cast<size_t>(dense.column_words) * block_words,
                     0);
  const int8_t* weights = layer.columns.data();
  for (int position = 0; position < positions; ++position) {
    for (int c = 0; c < channels; ++c, weights += stride) {
      const uint64_t bit = uint64_t{1} << (c % rows_per_word);
      const int column_word = position * words + c / rows_per_word;
      for (int row = 0; row < layer.rows; ++row) {
        const int w = weights[row];
        for (int i = 0; i < dense.digits; ++i) {
          uint64_t* to = dense.words.data() + dense.word_of(row, i, column_word);
          if (w > 0) *to |= bit;
          if (!dense.plus_minus && (std::abs(w) >> i & 1) != 0) to[dense_block_rows] |= bit;
        }
      }
    }
  }
  return dense;
}

}  // namespace stuckat::fast
