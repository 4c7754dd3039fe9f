// The forward pass of single layers on block tensors (product.h): exact integers.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "trainer/buffer.h"
#include "trainer/elementwise.h"
#include "trainer/product.h"
#include "workloads/network.h"

namespace stuckat::trainer {

/// One layer with weights: its packed weights, its (padded) input and its accumulators.
class ForwardLayer {
 public:
  /// inputs: what the input can hold. with_backward: the weights are packed for the data gradient
  /// as well.
  ForwardLayer(const Layer& layer, Values inputs, bool with_backward);

  /// 32-bit accumulators, for faults that make any value; else as wide as the sums ask for. Before
  /// set_weights().
  void widen(bool always);

  /// weights: [rows][columns], any values that codes of the weight format can mean, or 0.
  void set_weights(const int8_t* weights, Workers& workers);
  /// Computes the sums of weight * activation (not matches, in XNOR layers as in all others).
  /// edit(padded input), if there is one, acts on a copy of it before the products.
  using Edit = std::function<void(int8_t* padded)>;
  void run(const int8_t* input, int samples, const RowDone& done, Workers& workers,
           const Edit& edit = {});

  /// f(accumulators), with a pointer to int16_t or int32_t: [block][pixel][row][16].
  template <class F>
  void with_accumulators(const F& f) {
    if (wide) {
      f(acc32.data());
    } else {
      f(acc16.data());
    }
  }
  /// The sums become real numbers: adds those of offset * activation. offsets: [rows][columns], in
  /// units of the integer weights. After run(), until the next one.
  void add_offsets(const float* offsets, int samples, Buffer<float>& real_input, Workers& workers);
  /// As with_accumulators(), with a pointer to float too.
  template <class F>
  void with_sums(const F& f) {
    if (real) {
      f(acc_real.data());
    } else {
      with_accumulators(f);
    }
  }
  /// The input that the products saw: with padding around.
  const int8_t* padded_input() const { return input_; }

  Layer layer;  ///< shapes and formats only
  Geometry geometry;
  int64_t bound = 0;  ///< no |sum| is greater
  bool wide = false;  ///< 32-bit accumulators
  bool real = false;  ///< the sums are in acc_real
  Digits activation_digits;
  PackedWeights weights;
  Buffer<int16_t> acc16;
  Buffer<int32_t> acc32;
  Buffer<float> acc_real;

 private:
  bool with_backward_ = false;
  Buffer<int8_t> padded_;
  const int8_t* input_ = nullptr;
};

/// Max-pool of all blocks.
void pool_forward(const Layer& layer, const int8_t* input, int blocks, int8_t* output,
                  Workers& workers);

/// The gradient of an output element goes to the first of the greatest elements under its window,
/// in raster order. `done` as in product.h.
void pool_backward(const Layer& layer, const int8_t* input, const float* gradient, int blocks,
                   float* input_gradient, const RowDone& done, Workers& workers);

}  // namespace stuckat::trainer
