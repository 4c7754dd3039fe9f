// One training step: forward, loss, backward on a batch. Gradients only; optimizer.h updates.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "faultmaps/effects.h"
#include "trainer/fixed_faults.h"
#include "trainer/forward.h"
#include "trainer/injection.h"
#include "trainer/model.h"

namespace stuckat::trainer {

/// Derivatives of the loss by the latent parameters of one layer; sizes as in LayerParameters.
struct LayerGradient {
  std::vector<float> weights;
  std::vector<float> gamma;
  std::vector<float> beta;
};

/// What is injected in one step.
struct StepInjection {
  Injection injection;
  std::vector<int> tensors;  ///< ascending; empty: nothing
  uint64_t seed = 0;
  uint64_t step = 0;        ///< of the whole run: no two steps draw the same
  int64_t image_index = 0;  ///< number of the batch's first image in the run, for fixed faults
};

struct StepResult {
  double loss = 0;  ///< mean over samples and classes of max(0, 1 - target * logit)^2
  int correct = 0;
};

/// Keeps all buffers between steps. In the dropout methods (StepInjection with zeros) survivors
/// count 1/(1-p) times as much: the batch-norm behind them takes it into its unit.
class TrainingStep {
 public:
  /// can_drop: some step will inject zeros. Effects: what a fixed fault map does to the exported
  /// network, in every step.
  TrainingStep(const Network& architecture, bool can_drop, const Effects& effects,
               Workers& workers);
  ~TrainingStep();

  /// input: block tensor of `samples` images; labels: [samples]. Updates running statistics in
  /// `model` and fills gradients().
  StepResult run(Model& model, const int8_t* input, const std::vector<int>& labels,
                 const StepInjection& injection);

  /// can_break: set_faults() will be called, with any effects.
  TrainingStep(const Network& architecture, bool can_drop, bool can_break, Workers& workers);
  /// From the next step on: `common` are the effects on every sample, of_samples[n] (or none)
  /// those on sample n alone, which may only overwrite elements.
  void set_faults(const Effects& common, const std::vector<Effects>& of_samples);

  const std::vector<LayerGradient>& gradients() const { return gradients_; }
  /// Values of tensor t (block tensor) in the last step, after injection; t < last.
  const int8_t* values(int tensor) const { return values_[static_cast<size_t>(tensor)].data(); }
  /// Derivative of the loss by the values of tensor t, where it passes the quantizer of the layer
  /// before (block tensor); of the last tensor by its sums.
  const float* value_gradient(int tensor) const {
    return value_gradients_[static_cast<size_t>(tensor)].data();
  }
  const InjectionMask& mask(int tensor) const { return masks_[static_cast<size_t>(tensor)]; }

 private:
  struct LayerState;

  void forward(Model& model);
  void forward_layer(int index, LayerParameters& parameters);
  void add_row_sums(int index, int block, int y, Range rows);
  void normalise(int index, LayerParameters& parameters);
  void backward(const Model& model);
  void backward_layer(int index, const LayerParameters& parameters);
  /// Fills in the gradients of beta and gamma, and what gradient_row() needs.
  void backward_norm(int index, const LayerParameters& parameters);
  /// One row of the derivative by the sums of a layer; writes it to transposed_ too if asked to.
  void gradient_row(int index, int block, int y, bool transposed, float* row);
  void finish_row(int tensor, int block, int y, Range channels);
  void pass_row(int tensor, int block, int y, Range channels);
  StepResult loss(LayerParameters& parameters, const std::vector<int>& labels);
  bool injected(int tensor) const;
  void create_layers(bool can_drop, bool any_code, bool always_wide);
  int faulty_samples() const;
  /// Some sums of layer `index` are broken, of all samples or of some.
  bool breaks_sums(int index) const;
  /// What broken FIFOs and windows make of a layer's operands; null: nothing.
  ForwardLayer::Edit operands_edit(int index) const;
  /// Faults, common or of samples, decide what the tensor's gradient is.
  bool decided_by_fault(int tensor) const;
  void clear_decided(int tensor);

  Network network_;
  Workers& workers_;
  int samples_ = 0;
  const StepInjection* injection_ = nullptr;          // of the step at hand
  std::vector<std::unique_ptr<LayerState>> layers_;   // null for a pool
  std::vector<LayerFaults> faults_;                   // [tensor], of all samples
  std::vector<std::vector<LayerFaults>> of_samples_;  // [sample][tensor]
  std::vector<double> unit_scale_;                    // [tensor], 1/(1-p) behind Dropout
  std::vector<Buffer<int8_t>> values_;                // [tensor]
  std::vector<Buffer<float>> value_gradients_;        // [tensor]
  std::vector<InjectionMask> masks_;                  // [tensor]
  Buffer<float> transposed_;                          // of the layer at hand (weight_gradient.h)
  Buffer<float> padded_gradient_;
  std::vector<LayerGradient> gradients_;
};

}  // namespace stuckat::trainer
