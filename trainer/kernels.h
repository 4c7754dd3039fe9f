// Loops over single values that are compiled for each instruction set (Highway) and chosen at run
// time; what happens between two products is in elementwise.h. None fuses a multiplication with an
// addition, so that every instruction set computes the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "trainer/product.h"
#include "workloads/network.h"

namespace stuckat::trainer {

/// Distance of an injection mask's elements from one pixel to the next and from one channel to the
/// next.
struct MaskStrides {
  ptrdiff_t pixel = 0;
  ptrdiff_t channel = 0;
};
/// values[pixel][channel][16] become what the mask holds, where that is not `untouched`.
void overwrite_masked(const int8_t* mask, MaskStrides strides, int8_t untouched, int pixels,
                      int channels, int8_t* values);
/// gradient[pixel][channel][16] becomes 0 there, in channels `range`.
void clear_masked(const int8_t* mask, MaskStrides strides, int8_t untouched, int pixels,
                  int channels, Range range, float* gradient);

/// Max-pool of one block.
void pool_block(const Layer& layer, const int8_t* in, int8_t* out);
/// Adds the gradients of output row `y` to those of the input; in, out: the whole block.
void unpool_row(const Layer& layer, int y, const int8_t* in, const float* gradient, float* out);

/// Integers of latent weights: quantized_weights() in model.h.
void quantize_binary(const float* latent, size_t count, int8_t* weights);
void quantize_levels(const float* latent, size_t count, float limit, float levels, int8_t* weights);

/// Constants of one ADAM update.
struct AdamRates {
  float beta1 = 0;
  float beta2 = 0;
  float epsilon = 0;
  float rate = 0;          ///< with the first moment's correction
  float second_scale = 0;  ///< correction of the second
  float limit = 0;         ///< values are cut to -limit .. limit; a NaN stays one
};
void adam_update(const AdamRates& rates, const float* gradient, size_t count, float* first,
                 float* second, float* value);

}  // namespace stuckat::trainer
