// What happens to single elements of block tensors (product.h) between two matrix products.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "trainer/product.h"
#include "workloads/number_format.h"

namespace stuckat::trainer {

/// Exact sums of the accumulators of each channel.
struct ChannelSums {
  std::vector<int64_t> sum;     // [channel]
  std::vector<int64_t> square;  // [channel]
};

/// Adds up acc[pixel][channel][16] of channels `range`. bound: no |acc| is greater.
void add_sums(const int16_t* acc, int pixels, int channels, Range range, int64_t bound,
              ChannelSums& sums);
void add_sums(const int32_t* acc, int pixels, int channels, Range range, int64_t bound,
              ChannelSums& sums);

/// Sums of accumulators that are real numbers, of each channel.
struct RealChannelSums {
  std::vector<double> sum;     // [channel]
  std::vector<double> square;  // [channel]
};

/// The same of real accumulators: lane by lane, then the lanes in order.
void add_sums(const float* acc, int pixels, int channels, Range range, RealChannelSums& sums);

/// How the accumulators of a layer become values: value = level number (thresholds strictly below
/// sign * accumulator). sign is -1 where the batch-norm's scale is negative, as if the row's
/// weights had changed their sign.
struct MultiThreshold {
  NumberFormat format;
  std::vector<int32_t> sign;        // [channel], -1 or +1
  std::vector<int32_t> thresholds;  // [channel][format.thresholds()], on sign * accumulator
  std::vector<float> edges = {};    // the same for real accumulators; empty without them
};

/// values[pixel][channel][16] of one block; 0 in lanes from `samples` on.
void apply_thresholds(const int16_t* acc, int pixels, int channels, const MultiThreshold& quantizer,
                      int samples, int8_t* values);
void apply_thresholds(const int32_t* acc, int pixels, int channels, const MultiThreshold& quantizer,
                      int samples, int8_t* values);
void apply_thresholds(const float* acc, int pixels, int channels, const MultiThreshold& quantizer,
                      int samples, int8_t* values);

/// Where the straight-through gradient passes: low <= accumulator <= high, per channel.
struct PassBand {
  std::vector<float> low;  ///< whole numbers, exact below 2^24: beyond it no sum is close to them
  std::vector<float> high;
  std::vector<float> mean;  ///< of the accumulators
};

/// Sets gradient[pixel][channel][16] to 0 outside of the band, in channels `range`, and adds up
/// what is left: sums[channel][16] += g, products[channel][16] += g * (acc - mean).
void pass_gradient(const int16_t* acc, int pixels, int channels, Range range, const PassBand& band,
                   float* gradient, float* sums, float* products);
void pass_gradient(const int32_t* acc, int pixels, int channels, Range range, const PassBand& band,
                   float* gradient, float* sums, float* products);
void pass_gradient(const float* acc, int pixels, int channels, Range range, const PassBand& band,
                   float* gradient, float* sums, float* products);

/// result = scale * gradient - offset - slope * (acc - mean), each per channel: the batch-norm
/// backward on [pixel][channel][16]. 0 in lanes from `samples` on.
struct BatchNormBackward {
  std::vector<float> scale, offset, slope, mean;
};
void batch_norm_gradient(const int16_t* acc, int pixels, int channels, const BatchNormBackward& k,
                         int samples, const float* gradient, float* result);
void batch_norm_gradient(const int32_t* acc, int pixels, int channels, const BatchNormBackward& k,
                         int samples, const float* gradient, float* result);
void batch_norm_gradient(const float* acc, int pixels, int channels, const BatchNormBackward& k,
                         int samples, const float* gradient, float* result);

/// transposed[channel / 16][pixel][sample][16] from gradient[pixel][channel][16 samples];
/// row_block, pixel: elements from one of them to the next.
void transpose(const float* gradient, int pixels, int channels, float* transposed,
               ptrdiff_t row_block, ptrdiff_t pixel);

}  // namespace stuckat::trainer
