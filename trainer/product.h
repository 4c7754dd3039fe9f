// The three matrix products of a layer (forward, data gradient, weight gradient) on blocks of 16
// samples, by table look-up (tables.h).
//
// A block tensor is [block][pixel][channel][16 samples]; the samples after the last one of a
// batch hold 0 everywhere. A dense layer is a 1x1 convolution of one pixel.
//
// Products go from row to row of the image and say when one is done, so that what happens next
// finds it in the cache.
#pragma once

#include <cstdint>
#include <functional>
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

struct Range {
  int begin = 0;
  int end = 0;
};
/// Slice `slice` of `slices` of 0 .. count-1.
inline Range slice_of(int count, int slice, int slices) {
  return {count * slice / slices, count * (slice + 1) / slices};
}

/// Integer weights as table indices, once by groups of input channels for the forward pass and
/// once by groups of output channels for the data gradient.
class PackedWeights {
 public:
  /// weights: [rows][columns], all within `digits`; entry_bytes: of a forward table's entry
  /// (forward_entry_bytes()). with_backward: also for data_gradient().
  void pack(const Geometry& geometry, const Digits& digits, const int8_t* weights, int entry_bytes,
            bool with_backward, Workers& workers);

  Digits digits;
  int forward_groups = 0;
  int backward_groups = 0;
  std::vector<uint16_t> forward;   // [tap][output channel][forward_groups]
  std::vector<uint16_t> backward;  // [tap][input channel][backward_groups]
};

/// Forward tables hold two blocks side by side.
template <class Acc>
constexpr int forward_entry_bytes() {
  return 2 * lanes * static_cast<int>(sizeof(Acc));
}

/// Row y of a block of the product is done, for these channels. Rows come in ascending order;
/// several threads call at a time, never with the same block and channel.
using RowDone = std::function<void(int block, int y, Range channels)>;

/// acc[block][pixel][row][16] = sum over columns of weight * activation.
/// Acc is int16_t where every possible sum fits, else int32_t.
template <class Acc>
void forward_product(const Geometry& geometry, const PackedWeights& weights, int blocks,
                     const int8_t* input, Acc* acc, const RowDone& done, Workers& workers);

/// Writes the gradient of image row y of a block: row[x][channel][16]. Two threads may ask for the
/// same row; `first` is true for one of them.
using RowSource = std::function<void(int block, int y, bool first, float* row)>;

/// input_gradient[block][pixel][channel][16] = sum over taps and rows of weight * gradient.
void data_gradient(const Geometry& geometry, const PackedWeights& weights, int samples,
                   const RowSource& gradient, float* input_gradient, const RowDone& done,
                   Workers& workers);

}  // namespace stuckat::trainer
