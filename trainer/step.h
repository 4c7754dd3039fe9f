// One training step: forward, loss, backward on a batch. Nothing of the model is changed: gradients
// and the batch's statistics come back, optimizer.h and update_statistics() apply them.
//
// There are two kinds of passes after it: chains of few bits go by table look-up (table_step.h),
// all other networks by multiplication (graph/graph_step.h).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "trainer/fault_overlay.h"
#include "trainer/model.h"
#include "trainer/step_input.h"
#include "trainer/training_layer.h"

namespace stuckat::trainer {

struct StepResult {
  double loss = 0;  ///< mean over samples and classes of max(0, 1 - target * logit)^2
  int correct = 0;
};

/// What the overlays of a step may bring about, beyond levels that quantizers emit.
struct StepReach {
  bool zeros = false;   ///< a value 0 in any format: Dropout
  bool faults = false;  ///< any stored code
};

class StepPasses {
 public:
  virtual ~StepPasses() = default;

  /// input: `samples` images; labels: [samples]; image_index: number of the batch's first image in
  /// the run, for faults that depend on it. Overlays act in their order.
  virtual StepResult run(const Model& model, StepInput input, const std::vector<int>& labels,
                         std::span<FaultOverlay* const> overlays, int64_t image_index,
                         const Pass& pass) = 0;
  /// Of the last step, as are all below; [layer].
  const std::vector<LayerGradient>& gradients() const { return gradients_; }
  const std::vector<BatchStatistics>& statistics() const { return statistics_; }
  /// Values of tensor t (block tensor), with faults; t < last. Null if they are of 16 bits.
  virtual const int8_t* values(int tensor) const = 0;
  /// The same of 16 bits; null if they are of 8.
  virtual const int16_t* wide_values(int tensor) const = 0;
  /// Derivative of the loss by the values of tensor t, where it passes the quantizer of the layer
  /// before (block tensor); of the last tensor by its sums.
  virtual const float* value_gradient(int tensor) const = 0;

 protected:
  std::vector<LayerGradient> gradients_;
  std::vector<BatchStatistics> statistics_;
};

/// Keeps all buffers between steps.
class TrainingStep {
 public:
  TrainingStep(const Network& architecture, StepReach reach, Workers& workers);

  StepResult run(const Model& model, StepInput input, const std::vector<int>& labels,
                 std::span<FaultOverlay* const> overlays = {}, int64_t image_index = 0,
                 const Pass& pass = {}) {
    return passes_->run(model, input, labels, overlays, image_index, pass);
  }
  const std::vector<LayerGradient>& gradients() const { return passes_->gradients(); }
  const std::vector<BatchStatistics>& statistics() const { return passes_->statistics(); }
  const int8_t* values(int tensor) const { return passes_->values(tensor); }
  const int16_t* wide_values(int tensor) const { return passes_->wide_values(tensor); }
  const float* value_gradient(int tensor) const { return passes_->value_gradient(tensor); }

 private:
  std::unique_ptr<StepPasses> passes_;
};

}  // namespace stuckat::trainer
