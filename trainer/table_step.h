// The passes of a step (step.h) through a chain of layers of few bits, by table look-up (tables.h).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "trainer/step.h"

namespace stuckat::trainer {

/// Keeps all buffers between steps.
class TableStep : public StepPasses {
 public:
  TableStep(const Network& architecture, StepReach reach, Workers& workers);
  ~TableStep() override;

  StepResult run(const Model& model, StepInput input, const std::vector<int>& labels,
                 std::span<FaultOverlay* const> overlays, int64_t image_index,
                 const Pass& pass) override;
  const int8_t* values(int tensor) const override {
    return values_[static_cast<size_t>(tensor)].data();
  }
  const int16_t* wide_values(int /*tensor*/) const override { return nullptr; }
  const float* value_gradient(int tensor) const override {
    return value_gradients_[static_cast<size_t>(tensor)].data();
  }

 private:
  void forward(const StepContext& step, const Model& model, StepInput input);
  void change_values(const StepContext& step, int tensor, const FaultOverlay::TensorValues& of);
  StepResult loss(const StepContext& step, const LayerParameters& last,
                  const std::vector<int>& labels);
  void backward(const StepContext& step, const Model& model);
  /// Row y of the gradient of a tensor is summed: faults, then the quantizer before it.
  void finish_row(const StepContext& step, int tensor, int block, int y, Range channels);

  Network network_;  // shapes and formats only
  Workers& workers_;
  std::vector<std::unique_ptr<TrainingLayer>> layers_;  // null for a pool
  std::vector<double> unit_scale_;                      // [tensor], 1/(1-p) after Dropout
  std::vector<Buffer<int8_t>> values_;                  // [tensor]
  std::vector<Buffer<float>> value_gradients_;          // [tensor]
  LayerScratch scratch_;
};

}  // namespace stuckat::trainer
