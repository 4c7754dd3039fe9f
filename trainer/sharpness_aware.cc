#include "trainer/sharpness_aware.h"

#include <Eigen/Core>
#include <cmath>

#include "trainer/learned_scales.h"

namespace stuckat::trainer {
namespace {

using RealValues = Eigen::ArrayXf;
using View = Eigen::Map<const RealValues>;

View view(const std::vector<float>& values) {
  return {values.data(), static_cast<Eigen::Index>(values.size())};
}

/// The weights that are perturbed, as real numbers.
RealValues weights_of(const Ascent& ascent, const Layer& layer, const LayerParameters& parameters) {
  if (!ascent.row->quantized) return view(parameters.weights);
  const std::vector<int8_t> quantized =
      quantized_weights(layer, parameters.weights, weight_scale(parameters));
  const Eigen::Map<const Eigen::Array<int8_t, Eigen::Dynamic, 1>> integers(
      quantized.data(), static_cast<Eigen::Index>(quantized.size()));
  return integers.cast<float>() / levels_per_weight(layer, parameters);
}

double square_norm(const RealValues& values) { return values.cast<double>().square().sum(); }

void store(const RealValues& values, std::vector<float>& result) {
  result.assign(values.data(), values.data() + values.size());
}

void add(const std::vector<float>& values, std::vector<float>& sum) {
  Eigen::Map<RealValues>(sum.data(), static_cast<Eigen::Index>(sum.size())) += view(values);
}

}  // namespace

const std::vector<AscentRow>& ascent_rows() {
  static const std::vector<AscentRow> rows = {
      {"sam", "latent weights", false, false, 0.05},
      {"asam", "latent weights, in proportion to their size", false, true, 0.5},
      {"saq", "quantized weights, beyond their levels", true, false, 0.4},
      {"qasam", "quantized weights, in proportion to their size", true, true, 0.4},
  };
  return rows;
}

const std::vector<std::string>& ascent_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result = {"none"};
    for (const AscentRow& row : ascent_rows()) result.emplace_back(row.name);
    return result;
  }();
  return names;
}

std::vector<LayerGradient> ascent_step(const Ascent& ascent, const Model& model,
                                       const std::vector<LayerGradient>& gradients) {
  const auto eta = static_cast<float>(ascent.eta);
  std::vector<LayerGradient> result(gradients.size());
  double square = 0;
  for (size_t i = 0; i < gradients.size(); ++i) {
    const LayerGradient& g = gradients[i];
    LayerGradient& eps = result[i];
    // Without the common factor: t^2 g (or q^2 g), of which the norm has only one t.
    if (ascent.row->adaptive) {
      const RealValues w = weights_of(ascent, model.architecture.layers[i], model.layers[i]).abs();
      const RealValues t = w + eta;
      square += square_norm(t * view(g.weights));
      const RealValues& size = ascent.row->quantized ? w : t;
      store(size.square() * view(g.weights), eps.weights);
    } else {
      square += square_norm(view(g.weights));
      eps.weights = g.weights;
    }
    eps.gamma.assign(g.gamma.size(), 0.0f);
    eps.beta.assign(g.beta.size(), 0.0f);
    if (!ascent.norms) continue;
    square += square_norm(view(g.gamma)) + square_norm(view(g.beta));
    eps.gamma = g.gamma;
    eps.beta = g.beta;
  }
  const auto scale = static_cast<float>(ascent.rho / (std::sqrt(square) + 1e-12));
  for (LayerGradient& eps : result) {
    for (auto* values : {&eps.weights, &eps.gamma, &eps.beta}) {
      for (float& v : *values) v *= scale;
    }
  }
  return result;
}

StepResult SharpnessAware::run(TrainingStep& step, const Model& model, StepInput input,
                               const std::vector<int>& labels,
                               std::span<FaultOverlay* const> overlays, int64_t image_index) {
  const bool quantized = ascent_.row->quantized;
  std::vector<LayerGradient> first = step.gradients();
  if (!quantized) pass_weight_quantizers(model, first);
  std::vector<LayerGradient> eps = ascent_step(ascent_, model, first);
  offsets_.resize(eps.size());
  if (shifted_.layers.empty()) shifted_ = model;
  shifted_.layers = model.layers;
  for (size_t i = 0; i < eps.size(); ++i) {
    LayerParameters& p = shifted_.layers[i];
    add(eps[i].gamma, p.gamma);
    add(eps[i].beta, p.beta);
    if (quantized) {
      offsets_[i] = std::move(eps[i].weights);
    } else {
      add(eps[i].weights, p.weights);
    }
  }
  Pass pass;
  if (quantized) pass.offsets = &offsets_;
  const StepResult result = step.run(shifted_, input, labels, overlays, image_index, pass);
  gradients_ = step.gradients();
  pass_weight_quantizers(quantized ? model : shifted_, gradients_);
  if (quantized) return result;
  // Beyond [-1, 1] the quantizer is constant.
  for (size_t i = 0; i < gradients_.size(); ++i) {
    if (!shifted_.layers[i].scale.empty()) continue;
    const std::vector<float>& w = shifted_.layers[i].weights;
    for (size_t k = 0; k < w.size(); ++k) {
      if (!(std::abs(w[k]) <= 1)) gradients_[i].weights[k] = 0;
    }
  }
  return result;
}

}  // namespace stuckat::trainer
