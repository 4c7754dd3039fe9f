// Products of real weights with block tensors of floats (product.h), straight from the tensor: no
// windows are put side by side, since the 16 samples of a block fill a vector whatever the window.
//
// Each sample's sum is added up in the order of the operands. Integers are exact as long as no
// partial sum is beyond 2^24.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "trainer/tables.h"

namespace stuckat::trainer {

/// `count` operands side by side (16 samples each), `input` floats after those of the pixel.
struct OperandRun {
  ptrdiff_t input = 0;
  int count = 0;
};

/// Pixels in a row, or anything else that lies at equal distances.
struct PixelRow {
  const float* input = nullptr;
  ptrdiff_t input_pixel = 0;   ///< floats from one pixel to the next
  ptrdiff_t output_pixel = 0;  ///< likewise, in the output
  int pixels = 0;
};

/// Weights are packed in tiles of so many rows, or of one: [operand][rows of the tile].
inline constexpr int product_rows = 8;

/// output[pixel][row < rows][16] = sum over the operands of weight * operand. tile: product_rows or
/// 1; rows: that the tile has. add: on top of what is there.
void multiply_pixels(const PixelRow& row, const std::vector<OperandRun>& operands,
                     const float* weights, int tile, int rows, bool add, float* output);
/// The same of integers: the sum is rounded to one.
void multiply_pixels(const PixelRow& row, const std::vector<OperandRun>& operands,
                     const float* weights, int tile, int rows, bool add, int32_t* output);

/// Tiles of a weight gradient: rows (or one) by columns.
inline constexpr int gradient_rows = 4;
inline constexpr int gradient_columns = 6;

/// A rectangle of pixels; distances in floats.
struct PixelArea {
  int height = 0;
  int width = 0;
  ptrdiff_t input_line = 0;
  ptrdiff_t input_pixel = 0;
  ptrdiff_t gradient_line = 0;
  ptrdiff_t gradient_pixel = 0;
};

/// sums[tile rows][gradient_columns][16] += sum over the pixels of gradient * operand, sample by
/// sample. columns: where the operands of a column come after those of the pixel; [6]. Rows of the
/// gradient are 16 floats apart. tile: gradient_rows or 1.
void add_weight_products(const PixelArea& area, const float* input, const ptrdiff_t* columns,
                         const float* gradient, int tile, float* sums);

/// real[i] = values[i].
void to_floats(const int16_t* values, size_t count, float* real);

}  // namespace stuckat::trainer
