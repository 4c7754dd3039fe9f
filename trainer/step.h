// One training step: forward, loss, backward on a batch. Nothing of the model is changed: gradients
// and the batch's statistics come back, optimizer.h and update_statistics() apply them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "trainer/fault_overlay.h"
#include "trainer/model.h"
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

/// Keeps all buffers between steps.
class TrainingStep {
 public:
  TrainingStep(const Network& architecture, StepReach reach, Workers& workers);
  ~TrainingStep();

  /// input: block tensor of `samples` images; labels: [samples]; image_index: number of the batch's
  /// first image in the run, for faults that depend on it. Overlays act in their order.
  StepResult run(const Model& model, const int8_t* input, const std::vector<int>& labels,
                 std::span<FaultOverlay* const> overlays = {}, int64_t image_index = 0,
                 const Pass& pass = {});

  /// Of the last step, as are all below; [layer].
  const std::vector<LayerGradient>& gradients() const { return gradients_; }
  const std::vector<BatchStatistics>& statistics() const { return statistics_; }
  /// Values of tensor t (block tensor), with faults; t < last.
  const int8_t* values(int tensor) const { return values_[static_cast<size_t>(tensor)].data(); }
  /// Derivative of the loss by the values of tensor t, where it passes the quantizer of the layer
  /// before (block tensor); of the last tensor by its sums.
  const float* value_gradient(int tensor) const {
    return value_gradients_[static_cast<size_t>(tensor)].data();
  }

 private:
  void forward(const StepContext& step, const Model& model, const int8_t* input);
  void change_values(const StepContext& step, int tensor, const FaultOverlay::TensorValues& of);
  StepResult loss(const StepContext& step, const LayerParameters& last,
                  const std::vector<int>& labels);
  void backward(const StepContext& step, const Model& model);
  /// Row y of the gradient of a tensor is summed: faults, then the quantizer before it.
  void finish_row(const StepContext& step, int tensor, int block, int y, Range channels);

  Network network_;  // shapes and formats only
  Workers& workers_;
  std::vector<std::unique_ptr<TrainingLayer>> layers_;  // null for a pool
  std::vector<double> unit_scale_;                      // [tensor], 1/(1-p) behind Dropout
  std::vector<Buffer<int8_t>> values_;                  // [tensor]
  std::vector<Buffer<float>> value_gradients_;          // [tensor]
  LayerScratch scratch_;
  std::vector<LayerGradient> gradients_;
  std::vector<BatchStatistics> statistics_;
};

}  // namespace stuckat::trainer
