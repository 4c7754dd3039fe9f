// The gradient of a layer's weights: activations of the forward pass times gradients of the sums.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/product.h"

namespace stuckat::trainer {

/// The activations of a batch as weight_gradient() reads them.
struct PackedActivations {
  Digits digits;
  int groups = 0;
  std::vector<uint16_t>
      index;                 ///< of table entries, by groups of samples: [pixel][channel][groups]
  std::vector<float> plain;  ///< radix 0: [sample][pixel][channel]

  /// digits of radix 0: values of more than 4 bits (the network's 8-bit input).
  void pack(const Geometry& geometry, const Digits& digits, int samples, const int8_t* input,
            Workers& workers);
};

/// Gradients of sums by row blocks: [row / 16][pixel][16 * blocks samples][16 rows], 0 in rows and
/// samples after the last.
inline int row_blocks(const Geometry& geometry) {
  return (geometry.out.channels + lanes - 1) / lanes;
}
inline size_t transposed_size(const Geometry& geometry, int blocks) {
  return static_cast<size_t>(row_blocks(geometry)) * geometry.out.pixels() * blocks * lanes * lanes;
}

/// result[row][column] = sum over samples and pixels of activation * gradient. By table look-up,
/// or by multiplication where the digits have radix 0.
void weight_gradient(const Geometry& geometry, const PackedActivations& activations,
                     const float* transposed, int samples, float* result, Workers& workers);

}  // namespace stuckat::trainer
