// What faults change in a training step. The step asks its overlays at the points below, in this
// order for each layer, and knows no kind of fault itself. Fixed maps and drawn chips
// (fixed_faults.h) and injection (injection_overlay.h) are overlays.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/elementwise.h"
#include "trainer/forward.h"
#include "trainer/workers.h"

namespace stuckat::trainer {

class FaultOverlay;

/// No overlay makes a sum greater than this: squares still add up exactly.
inline constexpr int32_t broken_sum_limit = 1 << 20;

/// Where in the space of weights a pass looks, and by which statistics.
struct Pass {
  /// Added to the quantized weights, as real numbers: [layer][rows][columns]; null: nothing is.
  const std::vector<std::vector<float>>* offsets = nullptr;
  /// Batch-norms use the running statistics, as constants; with offsets only.
  bool frozen = false;
};

/// What a step is about: the same for all of its layers.
struct StepContext {
  const Network& network;  ///< shapes and formats
  Workers& workers;
  std::span<FaultOverlay* const> overlays;  ///< each sees what those before it have changed
  int samples = 0;
  int64_t image_index = 0;  ///< number of sample 0 in the run
  Pass pass = {};
};

/// A layer with weights whose sums have been computed.
struct ComputedLayer {
  int index = 0;
  ForwardLayer& forward;               ///< its padded input and its sums
  const std::vector<int8_t>& weights;  ///< [rows][columns], as the products saw them
  const MultiThreshold& quantizer;     ///< signs; thresholds as soon as there are any
};

/// Everything changes nothing unless overridden. Layers and tensors are numbered as in the network;
/// values and gradients lie as in block tensors (product.h).
class FaultOverlay {
 public:
  virtual ~FaultOverlay() = default;

  /// A forward pass begins. Two passes of the same step must find the same faults.
  virtual void begin(const StepContext&) {}

  /// weights[rows][columns], as quantized. sign: [row], of the batch-norm's scale: a row that it
  /// negates is exported with its weights negated.
  virtual void weights(int /*layer*/, const Layer& /*described*/,
                       const std::vector<int32_t>& /*sign*/, int8_t* /*weights*/) const {}
  /// Whether operands() has something to do; a copy of the input is made for it.
  virtual bool changes_operands(int /*layer*/) const { return false; }
  virtual void operands(const StepContext&, int /*layer*/, int8_t* /*padded_input*/) const {}
  /// Whether sums() has something to do; needs_wide() then, too. Its sums are integers: a step with
  /// offsets throws InputError.
  virtual bool changes_sums(int /*layer*/) const { return false; }
  /// Whether sums, thresholds or logits may become greater than those of any weights: the step's
  /// accumulators have 32 bits then.
  virtual bool needs_wide(int /*layer*/, const Layer& /*described*/) const { return false; }
  virtual void sums(const StepContext&, const ComputedLayer&) const {}
  virtual void thresholds(int /*layer*/, const Layer& /*described*/,
                          MultiThreshold& /*quantizer*/) const {}
  /// Values of a tensor of levels. For tensor 0 there is no layer before it.
  struct TensorValues {
    int8_t* values = nullptr;                 ///< null: `wide` are the values
    const int8_t* input = nullptr;            ///< of the layer before it
    const ComputedLayer* computed = nullptr;  ///< that layer, if it has weights
    int16_t* wide = nullptr;  ///< of the passes by multiplication, without the others

    /// visit(values), with a pointer to int8_t or int16_t.
    template <class Visit>
    void with_values(const Visit& visit) const {
      if (wide != nullptr) {
        visit(wide);
      } else {
        visit(values);
      }
    }
  };
  virtual void values(const StepContext&, int /*tensor*/, const TensorValues&) {}
  /// The last tensor: its values are the sums of its layer.
  virtual void logits(const StepContext&, const ComputedLayer&) const {}
  /// Share of a tensor's values that Dropout leaves: the real value of one unit grows by its
  /// inverse.
  virtual double kept_share(int /*tensor*/) const { return 1; }

  /// The derivative of the loss by the values of image row y of a block, in channels `range`: 0
  /// where a fault decided the value. row: [x][channel][16].
  virtual void gradient(const StepContext&, int /*tensor*/, int /*block*/, int /*y*/,
                        Range /*channels*/, float* /*row*/) const {}
  /// The same for the operands of a layer with weights: a row of its padded input.
  virtual void operand_gradient(const StepContext&, int /*layer*/, int /*block*/, int /*y*/,
                                Range /*channels*/, float* /*row*/) const {}
  /// The batch-norm's part in the gradient of a layer's sums.
  virtual void norm_gradient(int /*layer*/, BatchNormBackward&) const {}
  /// gradient: [rows][columns].
  virtual void weight_gradient(int /*layer*/, const Layer& /*described*/,
                               std::vector<float>& /*gradient*/) const {}
};

}  // namespace stuckat::trainer
