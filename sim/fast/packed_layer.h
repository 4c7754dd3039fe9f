// How tensors and layers are held in the fast engine.
//
// A tensor of levels is held as *planes*: an element of value v has plane k set where
// v > min_value + k, so that v = min_value + (number of planes set). Every format becomes a sum of
// single bits (one for binary, 2^b - 1 otherwise) that share one weight column, a quantizer's k-th
// comparator is one plane, and a max-pool is the OR of planes. Whatever an element changes to, the
// accumulators change by plus or minus its weight column, once for each plane that changed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sim/fast/aligned_vector.h"
#include "workloads/network.h"

namespace stuckat::fast {

inline constexpr int rows_per_word = 64;
inline constexpr int margin_bits = 8;  ///< of a narrow margin (golden_state.h)

/// planes: see above; values: 32-bit integers (8-bit inputs); accumulators: the last tensor.
enum class TensorForm : uint8_t { planes, values, accumulators };

struct TensorLayout {
  TensorForm form = TensorForm::planes;
  Shape shape;
  NumberFormat format;  ///< not for accumulators
  int planes = 0;
  int words = 0;            ///< 64-channel words of one plane of one pixel
  int reference_level = 0;  ///< planes that are set in an element that holds the padding value

  /// Planes lie as [pixel][plane][word].
  int pixel_words() const { return planes * words; }
  size_t total_words() const {
    return static_cast<size_t>(shape.pixels()) * static_cast<size_t>(pixel_words());
  }
};

/// matrix: planes in, planes or accumulators out; first: 8-bit values in, planes out; pool: planes
/// in and out. What has no path makes a network one of levels (levels/README.md).
enum class LayerPath : uint8_t { matrix, first, pool };

inline constexpr int dense_block_rows = 32;

/// How the channels under a window lie in words of the dense path: from one position of the image
/// to the next, and of one row of the window. Joined: bit kx * channels + c of a run, where that
/// takes fewer words than one for each position; else each position has words of its own.
struct WindowWords {
  int step = 0;
  int run = 0;
  bool joined = false;
};

/// Where a column of a layer lies in its DenseWeights.
struct ColumnBit {
  int word = 0;
  int bit = 0;
};

/// Weights for the dense path, as the digits that dense_layer.h explains: word 0 where w > 0, word
/// 1 where digit i of |w| is not 0. Column words are the runs of a window one after the other.
struct DenseWeights {
  WindowWords window;
  int digits = 0;
  int column_words = 0;
  bool plus_minus = false;  ///< only +1 and -1: no words of part 1
  /// [rows_padded / dense_block_rows][digit][column word][part][dense_block_rows]
  AlignedVector<uint64_t> words;

  /// Index of a row's word of part 0; part 1 lies dense_block_rows after it.
  size_t word_of(int row, int digit, int column_word) const {
    const int at = (row / dense_block_rows * digits + digit) * column_words + column_word;
    const int block_words = (plus_minus ? 1 : 2) * dense_block_rows;
    return static_cast<size_t>(at) * static_cast<size_t>(block_words) +
           static_cast<size_t>(row % dense_block_rows);
  }
};

/// A layer with its parameters laid out for vectors over rows. A layer whose window is its whole
/// input (dense layers) is held as a convolution over one row of height*width pixels.
struct PackedLayer {
  LayerPath path = LayerPath::matrix;
  Shape input;   ///< height 1 if flattened
  Shape output;  ///< as in the network
  int kernel_height = 1;
  int kernel_width = 1;
  int stride = 1;
  int padding = 0;

  int rows = 0;
  int rows_padded = 0;       ///< multiple of rows_per_word
  int thresholds = 0;        ///< comparators of a row
  int first_plane = 0;       ///< output plane of comparator 0; planes below it are always set
  int weight_magnitude = 1;  ///< greatest |weight|
  /// Accumulators change by unit * weight where one plane of one input element changes.
  int unit = 1;

  /// [column][rows_padded], 0 in padding rows. Column (ky*kernel_width + kx)*channels + c.
  AlignedVector<int8_t> columns;
  /// For path matrix with weights of +1 and -1 only, else empty: bit 1 for +1, [column][words] with
  /// words = rows_padded / 64, then the columns of zeros and of ones at these offsets in words.
  AlignedVector<uint64_t> bit_columns;
  int32_t zero_column = 0;
  int32_t ones_column = 0;
  DenseWeights dense;  ///< for path matrix with thresholds
  /// Columns as 16 bits, for path first only.
  AlignedVector<int16_t> wide_columns;
  bool sums_fit_16_bits = false;  ///< of any window, for path first only
  /// Accumulators when every input element holds the padding value: [rows_padded].
  AlignedVector<int32_t> base;
  /// floor((base - threshold - 1) / unit), thresholds ascending: [thresholds][rows_padded]. With s
  /// the sum of the weight columns of all planes that differ from the padding value (plus where
  /// set, minus where not), comparator t gives 1 exactly where s + base_margin >= 0.
  AlignedVector<int32_t> base_margin;

  bool accumulator_output = false;

  int padded_width() const { return input.width + 2 * padding; }
  int padded_height() const { return input.height + 2 * padding; }
  int window_row_columns() const { return kernel_width * input.channels; }
  /// Differences of this many planes always fit 8 bits.
  int additions_in_8_bits() const { return 127 / weight_magnitude; }
};

TensorLayout layout_of(const Network& network, int tensor);
/// Is there a path for the layer?
bool has_path(const Layer& layer, const TensorLayout& input, const TensorLayout& output);
PackedLayer pack_layer(const Layer& layer, const TensorLayout& input, const TensorLayout& output);

/// What changes in a row's accumulator over an input of padding values only where the sum of its
/// weights changes.
int base_change(const Layer& layer, int weight_sum_change);
/// PackedLayer::base_margin of a comparator.
int32_t margin_of(const PackedLayer& layer, int base, int threshold);

/// Planes of `layout` <-> values.
void planes_from_values(const TensorLayout& layout, const Tensor& values, uint64_t* planes);
Tensor values_from_planes(const TensorLayout& layout, const uint64_t* planes);

/// visit(output pixel) for every window that covers pixel (y, x) of the padded input.
template <typename Visit>
void for_each_window(const PackedLayer& layer, int y, int x, Visit&& visit) {
  const auto first = [&](int position, int kernel) {
    return position < kernel ? 0 : (position - kernel) / layer.stride + 1;
  };
  const int y_end = std::min(layer.output.height, y / layer.stride + 1);
  const int x_end = std::min(layer.output.width, x / layer.stride + 1);
  for (int oy = first(y, layer.kernel_height); oy < y_end; ++oy) {
    for (int ox = first(x, layer.kernel_width); ox < x_end; ++ox) {
      visit(oy * layer.output.width + ox);
    }
  }
}

/// Words of one output pixel of a pool: the OR of the planes under its window. `word(pixel, w)` is
/// word w of an input pixel.
template <typename Word>
void pool_pixel(const PackedLayer& layer, const TensorLayout& input, int out_pixel, Word&& word,
                uint64_t* out) {
  const int top = out_pixel / layer.output.width * layer.stride;
  const int left = out_pixel % layer.output.width * layer.stride;
  for (int w = 0; w < input.pixel_words(); ++w) {
    uint64_t any = 0;
    for (int ky = 0; ky < layer.kernel_height; ++ky) {
      for (int kx = 0; kx < layer.kernel_width; ++kx) {
        any |= word((top + ky) * layer.input.width + left + kx, w);
      }
    }
    out[w] = any;
  }
}

void pool_planes(const PackedLayer& layer, const TensorLayout& input, const uint64_t* planes,
                 uint64_t* out);

}  // namespace stuckat::fast
