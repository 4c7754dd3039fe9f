#include "trainer/learned_scales.h"

#include <algorithm>
#include <cmath>

#include "workloads/errors.h"

namespace stuckat::trainer {

bool has_steps(const Layer& layer) {
  return layer.has_weights() && layer.weight_format.kind != FormatKind::binary;
}

void add_learned_scales(Model& model, bool random_weights) {
  const Network& network = model.architecture;
  if (model.moved_thresholds) {
    throw InputError(network.name,
                     "learned scales of a network that keeps its thresholds, which are in units of "
                     "its weights",
                     "scales from the maximum, or a network of the zoo");
  }
  if (std::none_of(network.layers.begin(), network.layers.end(), has_steps)) {
    throw InputError(network.name, "learned scales of weights of one bit, which have no steps",
                     "scales from the maximum, or weights of more bits");
  }
  for (size_t i = 0; i < model.layers.size(); ++i) {
    LayerParameters& p = model.layers[i];
    if (!has_steps(network.layers[i]) || !p.scale.empty()) continue;
    p.scale = {1.0f};
    if (!random_weights) continue;
    double sum = 0;
    for (const float w : p.weights) sum += std::abs(static_cast<double>(w));
    const double mean = sum / static_cast<double>(p.weights.size());
    const double qp = network.layers[i].weight_format.max_level();
    p.scale = {static_cast<float>(qp * 2 * mean / std::sqrt(qp))};
  }
}

bool has_learned_scales(const Model& model) {
  return std::any_of(model.layers.begin(), model.layers.end(),
                     [](const LayerParameters& p) { return !p.scale.empty(); });
}

void pass_weight_quantizers(const Model& model, std::vector<LayerGradient>& gradients) {
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const LayerParameters& p = model.layers[i];
    LayerGradient& gradient = gradients[i];
    gradient.scale.clear();
    if (p.scale.empty()) continue;
    const NumberFormat format = model.architecture.layers[i].weight_format;
    const double lowest = format.min_level();
    const double greatest = format.max_level();
    const double per_weight = levels_per_weight(model.architecture.layers[i], p);
    const std::vector<int8_t> q =
        quantized_weights(model.architecture.layers[i], p.weights, p.scale.front());
    double by_step = 0;
    for (size_t k = 0; k < q.size(); ++k) {
      const double level = p.weights[k] * per_weight;  // w / s
      const bool passes = level >= lowest && level <= greatest;
      by_step += double{gradient.weights[k]} * (passes ? q[k] - level : static_cast<double>(q[k]));
      if (!passes) gradient.weights[k] = 0;
    }
    const double share = 1 / std::sqrt(static_cast<double>(q.size()) * greatest);
    gradient.scale = {static_cast<float>(share * by_step / greatest)};
  }
}

}  // namespace stuckat::trainer
