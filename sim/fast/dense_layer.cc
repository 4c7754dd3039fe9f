#include "sim/fast/dense_layer.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace stuckat::fast {
namespace {

int words_for(int bits) { return (bits + rows_per_word - 1) / rows_per_word; }

WindowWords window_words(const PackedLayer& layer) {
  const int words = words_for(layer.input.channels);
  const int apart = layer.kernel_width * words;
  const int joined = words_for(layer.window_row_columns());
  if (words == 1 && joined < apart) return {joined, joined, true};
  return {words, apart, false};
}

ColumnBit place(const PackedLayer& layer, const WindowWords& window, int column) {
  if (window.joined) {
    const int bit = column % layer.window_row_columns();
    return {column / layer.window_row_columns() * window.run + bit / rows_per_word,
            bit % rows_per_word};
  }
  const int channel = column % layer.input.channels;
  return {column / layer.input.channels * window.step + channel / rows_per_word,
          channel % rows_per_word};
}

}  // namespace

DigitImage::DigitImage(const PackedLayer& layer, const TensorLayout& input)
    : layout(input),
      window(layer.dense.window),
      has_minus(input.reference_level > 0),
      padding(layer.padding),
      height(layer.padded_height()),
      width(layer.padded_width()),
      counts(layer.dense.plus_minus),
      channels_(layer.input.channels),
      kernel_width_(layer.kernel_width) {
  positions = window.joined ? width - kernel_width_ + 1 : width;
  const int largest = std::max(input.planes - input.reference_level, input.reference_level);
  most_digits = std::bit_width(static_cast<unsigned>(largest));
  const size_t pixels = static_cast<size_t>(height) * static_cast<size_t>(width);
  words.assign(static_cast<size_t>(most_digits) * digit_words(), 0);
  if (window.joined) {
    singles_.assign(static_cast<size_t>(most_digits * parts()) * pixels, 0);
  }
  size.assign(pixels, 0);
}

void DigitImage::fill(const uint64_t* golden, const uint64_t* diff) {
  if (diff == nullptr)
    fill_from([&](size_t w) { return golden[w]; });
  else
    fill_from([&](size_t w) { return golden[w] ^ diff[w]; });
  if (window.joined) join();
}

/// word(w): word w of the tensor of planes.
template <typename Word>
void DigitImage::fill_from(const Word& word) {
  const size_t pixel_words = static_cast<size_t>(layout.pixel_words());
  const bool is_binary = layout.planes == 1 && layout.reference_level == 0;
  const bool is_ternary = layout.planes == 3 && layout.reference_level == 2;  // or -2 under faults
  uint64_t* to_all = (window.joined ? singles_ : words).data();
  const size_t each = static_cast<size_t>(layout.words * parts());
  uint64_t used = 0;
  size_t at = 0;
  for (int y = 0; y < layout.shape.height; ++y) {
    uint64_t* to = to_all + static_cast<size_t>(pixel(y, 0)) * each;
    for (int x = 0; x < layout.shape.width; ++x, at += pixel_words, to += each) {
      const auto of_pixel = [&](int w) { return word(at + static_cast<size_t>(w)); };
      if (is_binary)
        used |= set_binary(to, of_pixel);
      else if (is_ternary)
        used |= set_ternary(to, of_pixel);
      else
        used |= set_pixel(to, of_pixel);
    }
  }
  digits = static_cast<int>(std::bit_width(used));
}

uint64_t DigitImage::valid_channels(int word) const {
  const int tail = layout.shape.channels - word * rows_per_word;
  return tail >= rows_per_word ? ~uint64_t{0} : (uint64_t{1} << tail) - 1;
}

/// Returns which digits are not 0, as bits.
template <typename Word>
uint64_t DigitImage::set_pixel(uint64_t* to, const Word& word) {
  const int reference = layout.reference_level;
  const size_t stride = size.size() * static_cast<size_t>(layout.words * parts());
  uint64_t used = 0;
  for (int w = 0; w < layout.words; ++w) {
    const uint64_t valid = valid_channels(w);
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
      uint64_t* digit = to + static_cast<size_t>(j) * stride + w * parts();
      digit[0] = plus;
      if (has_minus) digit[1] = plus | minus;
      used |= uint64_t{(plus | minus) != 0 ? 1u : 0u} << j;
    }
  }
  return used;
}

/// set_pixel() of one plane, 0 in what pads.
template <typename Word>
uint64_t DigitImage::set_binary(uint64_t* to, const Word& word) {
  uint64_t any = 0;
  for (int w = 0; w < layout.words; ++w) any |= to[w] = word(w);
  return any != 0 ? 1 : 0;
}

/// set_pixel() of 2 bits with a sign: planes above -2, -1 and 0.
template <typename Word>
uint64_t DigitImage::set_ternary(uint64_t* to, const Word& word) {
  uint64_t* twos = to + size.size() * static_cast<size_t>(layout.words * 2);
  uint64_t any_one = 0;
  uint64_t any_two = 0;
  for (int w = 0; w < layout.words; ++w) {
    const uint64_t above_minus_2 = word(w);
    const uint64_t above_minus_1 = word(layout.words + w);
    const uint64_t plus = word(2 * layout.words + w);
    const uint64_t minus_2 = ~above_minus_2 & valid_channels(w);
    const uint64_t one = plus | (above_minus_1 ^ above_minus_2);
    to[2 * w] = plus;
    to[2 * w + 1] = one;
    twos[2 * w] = 0;
    twos[2 * w + 1] = minus_2;
    any_one |= one;
    any_two |= minus_2;
  }
  return (any_one != 0 ? 1u : 0u) | (any_two != 0 ? 2u : 0u);
}

void DigitImage::join() {
  const int each = parts();
  const int last = channels_ * (kernel_width_ - 1);  // first bit of a run's last position
  const uint64_t* from = singles_.data();
  uint64_t* to = words.data();
  for (int row = 0; row < digits * height; ++row, from += width * each, to += row_words()) {
    if (window.run == 1) {
      for (int part = 0; part < each; ++part) {
        uint64_t run = 0;
        for (int x = 0; x < width; ++x) {
          run = run >> channels_ | from[x * each + part] << last;
          const int at = x - kernel_width_ + 1;
          if (at >= 0) to[at * each + part] = run;
        }
      }
      continue;
    }
    std::fill_n(to, row_words(), uint64_t{0});
    for (int at = 0; at < positions; ++at) {
      for (int kx = 0, bit = 0; kx < kernel_width_; ++kx, bit += channels_) {
        const int shift = bit % rows_per_word;
        for (int part = 0; part < each; ++part) {
          const uint64_t word = from[(at + kx) * each + part];
          uint64_t* run = to + (at * window.run + bit / rows_per_word) * each + part;
          run[0] |= word << shift;
          if (shift + channels_ > rows_per_word) run[each] |= word >> (rows_per_word - shift);
        }
      }
    }
  }
}

int64_t bit_products(const PackedLayer& layer, int input_digits) {
  const DenseWeights& dense = layer.dense;
  return int64_t{layer.output.pixels()} * layer.rows * dense.column_words * rows_per_word *
         dense.digits * input_digits * (dense.plus_minus ? 1 : 2);
}

ColumnBit column_bit(const PackedLayer& layer, int column) {
  return place(layer, layer.dense.window, column);
}

DenseWeights dense_weights(const PackedLayer& layer) {
  const bool plus_minus = !layer.bit_columns.empty();
  const int digits = plus_minus ? 1 : std::bit_width(static_cast<unsigned>(layer.weight_magnitude));
  return dense_weights(layer, digits, plus_minus);
}

DenseWeights dense_weights(const PackedLayer& layer, int digits, bool plus_minus) {
  DenseWeights dense;
  const int columns = layer.kernel_height * layer.window_row_columns();
  const size_t stride = static_cast<size_t>(layer.rows_padded);
  dense.window = window_words(layer);
  dense.column_words = layer.kernel_height * dense.window.run;
  dense.plus_minus = plus_minus;
  dense.digits = digits;
  const size_t block_words = static_cast<size_t>((plus_minus ? 1 : 2) * dense_block_rows);
  dense.words.assign(stride / dense_block_rows * static_cast<size_t>(dense.digits) *
                         static_cast<size_t>(dense.column_words) * block_words,
                     0);
  const int8_t* weights = layer.columns.data();
  for (int column = 0; column < columns; ++column, weights += stride) {
    const ColumnBit at = place(layer, dense.window, column);
    const uint64_t bit = uint64_t{1} << at.bit;
    for (int row = 0; row < layer.rows; ++row) {
      const int w = weights[row];
      for (int i = 0; i < dense.digits; ++i) {
        uint64_t* to = dense.words.data() + dense.word_of(row, i, at.word);
        if (w > 0) *to |= bit;
        if (!plus_minus && (std::abs(w) >> i & 1) != 0) to[dense_block_rows] |= bit;
      }
    }
  }
  return dense;
}

}  // namespace stuckat::fast
