// The three matrix products of a layer (forward, data gradient, weight gradient) on blocks of 16
// samples, by table look-up (tables.h).
//
// A block tensor is [block][pixel][channel][16 samples]; the samples behind the last one of a
// batch hold 0 everywhere. A dense layer is a 1x1 convolution of one pixel.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/tables.h"
#include "trainer/workers.h"
#include "workloads/network.h"

namespace stuckat::trainer {

/// A convolution without padding: padded layers get an input that is padded already.
struct Geometry {
  int kernel = 1;
  int stride = 1;
  Shape in;  ///< padding included
  Shape out;

  int taps() const { return kernel * kernel; }
  int columns() const { return taps() * in.channels; }
};

Geometry geometry_of(const Layer& layer);

inline int block_count(int samples) { return (samples + lanes - 1) / lanes; }
inline size_t block_elements(Shape shape) { return static_cast<size_t>(shape.size()) * lanes; }

/// Integer weights as table indices, once by groups of input channels for the forward pass and
/// once by groups of output channels for the data gradient.
class PackedWeights {
 public:
  /// weights: [rows][columns], all within `digits`; entry_bytes: of a forward table's entry
  /// (32 for 16-bit accumulators, 64 for 32-bit ones). with_backward: also for data_gradient().
  void pack(const Geometry& geometry, const Digits& digits, const int8_t* weights, int entry_bytes,
            bool with_backward, Workers& workers);

  Digits digits;
  int forward_groups = 0;
  int backward_groups = 0;
  std::vector<uint16_t> forward;   // [tap][output channel][forward_groups]
  std::vector<uint16_t> backward;  // [tap][input channel][backward_groups]
};

/// acc[block][pixel][row][16] = sum over columns of weight * activation.
/// Acc is int16_t where every possible sum fits, else int32_t.
template <class Acc>
void forward_product(const Geometry& geometry, const PackedWeights& weights, int blocks,
                     const int8_t* input, Acc* acc, Workers& workers);

/// input_gradient[block][pixel][channel][16] = sum over taps and rows of weight * gradient.
void data_gradient(const Geometry& geometry, const PackedWeights& weights, int samples,
                   const float* gradient, float* input_gradient, Workers& workers);

/// The activations of a batch as table indices by groups of samples: [pixel][channel][groups].
struct PackedActivations {
  Digits digits;
  int groups = 0;
  std::vector<uint16_t> index;

  void pack(const Geometry& geometry, const Digits& digits, int samples, const int8_t* input,
            Workers& workers);
};

/// Rows padded to whole vectors of 16 channels.
inline int padded_rows(const Geometry& geometry) {
  return (geometry.out.channels + lanes - 1) / lanes * lanes;
}

/// Gradient of every weight: result[row][column] = sum over samples and pixels of activation *
/// gradient. transposed: [pixel][16 * blocks samples][padded_rows()], 0 in padded rows and samples.
void weight_gradient(const Geometry& geometry, const PackedActivations& activations,
                     const float* transposed, int blocks, float* result, Workers& workers);

/// The same for activations of many values (the network's 8-bit input), by multiplication.
void weight_gradient(const Geometry& geometry, int samples, const int8_t* input,
                     const float* transposed, int blocks, float* result, Workers& workers);

}  // namespace stuckat::trainer
