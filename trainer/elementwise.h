// What happens to single elements of block tensors (product.h) between two matrix products.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/number_format.h"

namespace stuckat::trainer {

/// Exact sums of the accumulators of each channel.
struct ChannelSums {
  std::vector<int64_t> sum;     // [channel]
  std::vector<int64_t> square;  // [channel]
};

/// Adds up acc[pixel][channel][16] of one block. bound: no |acc| is greater.
void add_sums(const int16_t* acc, int pixels, int channels, int64_t bound, ChannelSums& sums);
void add_sums(const int32_t* acc, int pixels, int channels, int64_t bound, ChannelSums& sums);

/// How the accumulators of a layer become values: value = level number (thresholds strictly below
/// sign * accumulator). sign is -1 where the batch-norm's scale is negative, as if the row's
/// weights had changed their sign.
struct Steps {
  NumberFormat format;
  std::vector<int32_t> sign;        // [channel], -1 or +1
  std::vector<int32_t> thresholds;  // [channel][format.thresholds()], on sign * accumulator
};

/// values[pixel][channel][16] of one block; 0 in lanes from `samples` on.
void apply_steps(const int16_t* acc, int pixels, int channels, const Steps& steps, int samples,
                 int8_t* values);
void apply_steps(const int32_t* acc, int pixels, int channels, const Steps& steps, int samples,
                 int8_t* values);

/// Where the straight-through gradient passes: low <= accumulator <= high, per channel.
struct PassBand {
  std::vector<int32_t> low;
  std::vector<int32_t> high;
  std::vector<float> mean;  ///< of the accumulators
};

/// Sets gradient[pixel][channel][16] of one block to 0 outside of the band, and adds up what is
/// left: sum[channel] += g, product[channel] += g * (acc - mean).
void pass_gradient(const int16_t* acc, int pixels, int channels, const PassBand& band,
                   float* gradient, double* sum, double* product);
void pass_gradient(const int32_t* acc, int pixels, int channels, const PassBand& band,
                   float* gradient, double* sum, double* product);

/// gradient = scale * gradient - offset - slope * (acc - mean), each per channel: the batch-norm
/// backward. 0 in lanes from `samples` on. Also written to transposed[pixel][sample][channel],
/// where a pixel has transposed_pixel elements and a sample transposed_sample of them.
struct BatchNormBackward {
  std::vector<float> scale, offset, slope, mean;
};
void batch_norm_gradient(const int16_t* acc, int pixels, int channels, const BatchNormBackward& k,
                         int samples, float* gradient, float* transposed,
                         ptrdiff_t transposed_pixel, ptrdiff_t transposed_sample);
void batch_norm_gradient(const int32_t* acc, int pixels, int channels, const BatchNormBackward& k,
                         int samples, float* gradient, float* transposed,
                         ptrdiff_t transposed_pixel, ptrdiff_t transposed_sample);

}  // namespace stuckat::trainer
