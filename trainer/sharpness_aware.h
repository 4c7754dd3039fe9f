// Training that looks for flat minima: each step takes the gradient not where the weights are but
// where, close by, the loss is greatest (to first order). docs/training.md, Flat minima.
//
//   SAM   (Foret et al. 2021)     latent w:    eps = rho * g / ||g||
//   ASAM  (Kwon et al. 2021)      latent w:    eps = rho * t^2 g / ||t g||, t = |w| + eta
//   SAQ   (Liu et al. 2021)       quantized q: eps = rho * g / ||g||, and q + eps is not quantized
//   QASAM (the same, adaptive)    quantized q: eps = rho * q^2 g / ||(|q| + eta) g||
//
// With learned scales (learned_scales.h), which are not perturbed, SAM's g is what passes the
// quantizer of the weights. g: gradient of the loss of the batch; one norm over all layers. The
// second pass, at w + eps or q + eps, gives the gradient that updates w, straight through the
// quantizer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "trainer/step.h"

namespace stuckat::trainer {

/// What a method perturbs, and by how much.
struct AscentRow {
  const char* name;
  const char* help;
  bool quantized;  ///< the quantized weights, as real numbers; else the latent ones
  bool adaptive;   ///< in proportion to the size of each weight
  double rho;      ///< default
};
const std::vector<AscentRow>& ascent_rows();
/// "none", then those of the rows.
const std::vector<std::string>& ascent_names();

struct Ascent {
  const AscentRow* row = nullptr;  ///< null: no second pass
  double rho = 0;                  ///< radius; 0: no second pass either
  double eta = 0.01;               ///< adaptive: what a weight of 0 counts
  bool norms = false;              ///< scales and offsets of batch-norms are perturbed as well
  bool both_statistics = false;    ///< both passes move the running statistics, else the first

  bool active() const { return row != nullptr && rho > 0; }
  /// Weights that are real numbers in the second pass.
  bool real_weights() const { return active() && row->quantized; }
};

/// eps of every parameter, [layer]; sizes as the gradients'. Without norms those of gamma and beta
/// are 0. All are 0 where the gradient is.
std::vector<LayerGradient> ascent_step(const Ascent& ascent, const Model& model,
                                       const std::vector<LayerGradient>& gradients);

class SharpnessAware {
 public:
  explicit SharpnessAware(const Ascent& ascent) : ascent_(ascent) {}

  /// The second pass of a step, after the first with the same arguments: gradients() are what to
  /// descend by. Throws InputError where real weights meet faults in the arithmetic of a PE.
  StepResult run(TrainingStep& step, const Model& model, StepInput input,
                 const std::vector<int>& labels, std::span<FaultOverlay* const> overlays = {},
                 int64_t image_index = 0);
  const std::vector<LayerGradient>& gradients() const { return gradients_; }

 private:
  const Ascent ascent_;
  Model shifted_;
  std::vector<std::vector<float>> offsets_;
  std::vector<LayerGradient> gradients_;
};

}  // namespace stuckat::trainer
