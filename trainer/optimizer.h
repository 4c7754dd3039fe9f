// ADAM (Kingma and Ba, 2015) on latent weights and batch-norms.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/model.h"
#include "trainer/training_layer.h"

namespace stuckat::trainer {

/// beta1 0.9, beta2 0.999, epsilon 1e-8, no weight decay. After each update the latent weights are
/// clipped to [-1, 1], unless their scale is learned: it stays positive. Rows of 8-bit weights
/// whose batch-norm has got a negative scale are negated, which computes the same: so no export
/// negates them, and a broken bit's -128 is as good as any.
class Adam {
 public:
  /// First and second moments of one layer's gradients.
  struct Moments {
    std::vector<float> weights, gamma, beta, scale;
    bool operator==(const Moments&) const = default;
  };

  explicit Adam(const Model& model);
  void update(Model& model, const std::vector<LayerGradient>& gradients, double learning_rate,
              Workers& workers);

  // The state, for checkpoints.
  std::vector<Moments> first;   // [layer]
  std::vector<Moments> second;  // [layer]
  int64_t updates = 0;
};

}  // namespace stuckat::trainer
