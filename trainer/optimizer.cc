#include "trainer/optimizer.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "trainer/kernels.h"

namespace stuckat::trainer {
namespace {

constexpr float beta1 = 0.9f;
constexpr float beta2 = 0.999f;
constexpr float epsilon = 1e-8f;
constexpr float least_scale = 1e-3f;

void negate(std::vector<float>& values, size_t first, size_t count) {
  for (size_t i = first; i < first + count; ++i) values[i] = -values[i];
}

/// A row of negative scale as the same row, negated, of positive scale.
void make_scales_positive(LayerParameters& p, Adam::Moments& moments) {
  const size_t size = p.weights.size() / p.gamma.size();
  for (size_t r = 0; r < p.gamma.size(); ++r) {
    if (!(p.gamma[r] < 0)) continue;
    negate(p.weights, r * size, size);
    negate(p.gamma, r, 1);
    p.mean[r] = -p.mean[r];
    negate(moments.weights, r * size, size);
    negate(moments.gamma, r, 1);
  }
}

}  // namespace

Adam::Adam(const Model& model) : first(model.layers.size()), second(model.layers.size()) {
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const LayerParameters& p = model.layers[i];
    for (auto* moments : {&first[i], &second[i]}) {
      moments->weights.assign(p.weights.size(), 0.0f);
      moments->gamma.assign(p.gamma.size(), 0.0f);
      moments->beta.assign(p.beta.size(), 0.0f);
      moments->scale.assign(p.scale.size(), 0.0f);
    }
  }
}

void Adam::update(Model& model, const std::vector<LayerGradient>& gradients, double learning_rate,
                  Workers& workers) {
  ++updates;
  const auto t = static_cast<double>(updates);
  const AdamRates clipped{beta1,
                          beta2,
                          epsilon,
                          static_cast<float>(learning_rate / (1 - std::pow(double{beta1}, t))),
                          static_cast<float>(1 / (1 - std::pow(double{beta2}, t))),
                          1.0f};
  AdamRates unlimited = clipped;
  unlimited.limit = 3e38f;
  constexpr size_t chunk = 1 << 14;
  struct Item {
    size_t layer;
    size_t begin;
  };
  std::vector<Item> items;
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const size_t size = model.layers[i].weights.size();
    for (size_t begin = 0; begin < size; begin += chunk) items.push_back({i, begin});
  }
  workers.run(static_cast<int>(items.size()), [&](int item) {
    const auto [i, begin] = items[static_cast<size_t>(item)];
    const size_t count = std::min(chunk, model.layers[i].weights.size() - begin);
    adam_update(model.layers[i].scale.empty() ? clipped : unlimited,
                gradients[i].weights.data() + begin, count, first[i].weights.data() + begin,
                second[i].weights.data() + begin, model.layers[i].weights.data() + begin);
  });
  for (size_t i = 0; i < model.layers.size(); ++i) {
    LayerParameters& p = model.layers[i];
    adam_update(unlimited, gradients[i].gamma.data(), p.gamma.size(), first[i].gamma.data(),
                second[i].gamma.data(), p.gamma.data());
    adam_update(unlimited, gradients[i].beta.data(), p.beta.size(), first[i].beta.data(),
                second[i].beta.data(), p.beta.data());
    assert(gradients[i].scale.size() == p.scale.size());  // pass_weight_quantizers()
    if (p.scale.empty()) continue;
    adam_update(unlimited, gradients[i].scale.data(), 1, first[i].scale.data(),
                second[i].scale.data(), p.scale.data());
    p.scale.front() = std::max(p.scale.front(), least_scale);
  }
  keep_scales_positive(model);
  for (size_t i = 0; i < model.layers.size(); ++i) {
    LayerParameters& p = model.layers[i];
    if (p.gamma.empty() || model.architecture.layers[i].weight_format.bits < most_weight_bits) {
      continue;
    }
    make_scales_positive(p, first[i]);
  }
}

}  // namespace stuckat::trainer
