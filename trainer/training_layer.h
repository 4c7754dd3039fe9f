// One layer with weights in a training step: forward to values, backward to gradients. Overlays
// (fault_overlay.h) are asked on the way.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/batch_norm.h"
#include "trainer/fault_overlay.h"
#include "trainer/forward.h"
#include "trainer/weight_gradient.h"

namespace stuckat::trainer {

/// Derivatives of the loss by the parameters of one layer; sizes as in LayerParameters.
struct LayerGradient {
  std::vector<float> weights;  ///< by the real quantized ones; those of 1 and more are latent ones
  std::vector<float> gamma;
  std::vector<float> beta;
  std::vector<float> scale = {};  ///< filled in by pass_weight_quantizers()
};

/// Memory that the layers of a step use one after the other.
struct LayerScratch {
  Buffer<float> transposed;  // weight_gradient.h
  Buffer<float> padded_gradient;
  Buffer<float> real_input;  // real_product.h
};

/// Tensors are block tensors (product.h).
class TrainingLayer {
 public:
  /// inputs: what the layer's input can hold.
  TrainingLayer(const Layer& layer, int index, Values inputs);

  /// Sums, and for a layer that is not the last their statistics and thresholds. unit_scale: real
  /// value of one unit of the input, as a multiple of the format's.
  void forward(const StepContext& step, const LayerParameters& parameters, const int8_t* input,
               double unit_scale, LayerScratch& scratch);
  /// The values that follow from the sums.
  void values(const StepContext& step, int8_t* values);
  ComputedLayer computed() { return {index_, forward_, weights_, quantizer_}; }
  /// The sums of the last layer, [sample][class], and the real value of one unit of them.
  std::vector<double> logit_sums(int samples);
  double unit() const { return unit_; }
  const BatchStatistics& statistics() const { return norm_.statistics(); }

  /// Before the gradient of the output tensor is summed.
  void begin_backward(int samples);
  /// Image row y of that gradient, in channels `range`, through the quantizer: row[x][channel][16].
  void pass_row(int block, int y, Range range, float* row);
  /// From the derivative by the values that pass the quantizer (by the sums, if the layer is the
  /// last one) to the gradients of the parameters and, unless that is null, of the input, whose
  /// rows are reported to `done`.
  void backward(const StepContext& step, const LayerParameters& parameters,
                const float* output_gradient, float* input_gradient, const RowDone& done,
                LayerScratch& scratch, LayerGradient& result);

 private:
  void quantize(const StepContext& step, const LayerParameters& parameters);
  void multiply(const StepContext& step, const int8_t* input);
  /// Sums, statistics and edges with the pass's offsets on the weights.
  void offset(const StepContext& step, const LayerParameters& parameters, LayerScratch& scratch);
  void add_row_sums(int block, int y, Range rows, int64_t bound);
  /// One row of the derivative by the sums; writes it to `transposed` too unless that is null.
  void gradient_row(const StepContext& step, const BatchNormBackward& norm,
                    const float* output_gradient, int block, int y, float* transposed, float* row);
  int32_t limit() const { return static_cast<int32_t>(forward_.bound + 1); }
  double count(int samples) const {
    return static_cast<double>(samples) * forward_.layer.output.pixels();
  }

  int index_ = 0;
  ForwardLayer forward_;
  double unit_ = 1;
  std::vector<int8_t> weights_;      // quantized, as the products see them
  std::vector<ChannelSums> sums_;    // [block]
  std::vector<float> real_weights_;  // with offsets, in units of the integer weights
  MultiThreshold quantizer_;
  BatchNorm norm_;
  BatchNorm::Passed passed_;
  PackedActivations activations_;
};

}  // namespace stuckat::trainer
