// The passes of a step (step.h) through any network, by multiplication: graphs, grouped and
// rectangular convolutions, up to 16 bits. Sums are exact integers, as in the reference; gradients
// are floats.
//
// Of overlays it has those that change weights, thresholds, values and gradients: faults in the
// arithmetic of a PE, in operands, pools and logits are refused.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "trainer/batch_norm.h"
#include "trainer/graph/moved_thresholds.h"
#include "trainer/graph/operation.h"
#include "trainer/step.h"

namespace stuckat::trainer {

class GraphStep : public StepPasses {
 public:
  GraphStep(const Network& architecture, Workers& workers);
  ~GraphStep() override;

  StepResult run(const Model& model, StepInput input, const std::vector<int>& labels,
                 std::span<FaultOverlay* const> overlays, int64_t image_index,
                 const Pass& pass) override;
  const int8_t* values(int /*tensor*/) const override { return nullptr; }
  const int16_t* wide_values(int tensor) const override {
    return values_[static_cast<size_t>(tensor)].data();
  }
  const float* value_gradient(int tensor) const override {
    return value_gradients_[static_cast<size_t>(tensor)].data();
  }

 private:
  struct Summing;  // what a layer that sums keeps

  /// Inputs of a layer; gradients: with where theirs go.
  OperationBatch batch_of(const StepContext& step, int layer, bool gradients);
  void forward(const StepContext& step, const Model& model, StepInput input);
  void forward_layer(const StepContext& step, const Model& model, int layer);
  void set_weights(const StepContext& step, const Model& model, int layer);
  void compute_sums(const StepContext& step, const Model& model, int layer);
  void set_steps(const StepContext& step, const Model& model, int layer);
  void add_statistics(const StepContext& step, const LayerParameters& parameters, int layer);
  void change_values(const StepContext& step, int tensor);
  StepResult loss(const StepContext& step, const Model& model, const std::vector<int>& labels);
  void backward(const StepContext& step, const Model& model);
  /// The gradient of a layer's output: faults, and where the quantizer lets it pass.
  void pass_gradient_of(const StepContext& step, int layer);
  /// From there to the gradient of its sums.
  void gradient_by_sums(const StepContext& step, const Model& model, int layer);
  void check_overlays(const StepContext& step) const;

  const Network network_;  // thresholds too: moved ones are the network's
  Workers& workers_;
  std::vector<std::unique_ptr<Operation>> operations_;
  std::vector<std::unique_ptr<Summing>> summing_;  // null for a layer that passes values on
  std::vector<double> unit_scale_;                 // [tensor], 1/(1-p) after Dropout
  std::vector<Buffer<int16_t>> values_;            // [tensor]
  std::vector<Buffer<float>> value_gradients_;     // [tensor]
  std::vector<char> has_gradient_;                 // [tensor], in this backward pass
};

}  // namespace stuckat::trainer
