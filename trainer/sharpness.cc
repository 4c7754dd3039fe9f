#include "trainer/sharpness.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "trainer/images.h"
#include "trainer/layer_faults.h"
#include "trainer/random.h"
#include "workloads/errors.h"

namespace stuckat::trainer {
namespace {

using VectorView = Eigen::Map<const Eigen::VectorXf>;

VectorView vector_view(const std::vector<float>& values) {
  return {values.data(), static_cast<Eigen::Index>(values.size())};
}

Spread spread_of(const std::vector<double>& values) {
  Spread s;
  s.count = static_cast<int>(values.size());
  if (values.empty()) return s;
  s.mean = std::accumulate(values.begin(), values.end(), 0.0) / s.count;
  double square = 0;
  for (const double v : values) square += (v - s.mean) * (v - s.mean);
  if (s.count > 1) s.deviation = std::sqrt(square / (s.count - 1));
  return s;
}

template <class Draw>
Weights drawn(const Model& model, uint64_t seed, uint64_t number, const Draw& draw) {
  Weights result = zeros_like(model);
  for (size_t i = 0; i < result.size(); ++i) {
    const Sequence random(seed, Purpose::direction, number, i);
    for (size_t k = 0; k < result[i].size(); ++k) result[i][k] = draw(random, k);
  }
  return result;
}

void scale(Weights& a, double factor) {
  for (auto& layer : a) {
    for (float& v : layer) v = static_cast<float>(factor * v);
  }
}

}  // namespace

double dot(const Weights& a, const Weights& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += vector_view(a[i]).cast<double>().dot(vector_view(b[i]).cast<double>());
  }
  return sum;
}

double norm(const Weights& a) { return std::sqrt(dot(a, a)); }

void add(double factor, const Weights& a, Weights& sum) {
  for (size_t i = 0; i < a.size(); ++i) {
    Eigen::Map<Eigen::VectorXf>(sum[i].data(), static_cast<Eigen::Index>(sum[i].size())) +=
        static_cast<float>(factor) * vector_view(a[i]);
  }
}

Weights zeros_like(const Model& model) {
  Weights result;
  for (const LayerParameters& p : model.layers) result.emplace_back(p.weights.size(), 0.0f);
  return result;
}

Weights normal_weights(const Model& model, uint64_t seed, uint64_t number) {
  return drawn(model, seed, number, [](const Sequence& random, size_t k) {
    // Box and Muller's method.
    const double r = std::sqrt(-2 * std::log(1 - random.uniform(2 * k)));
    return static_cast<float>(r * std::cos(2 * std::numbers::pi * random.uniform(2 * k + 1)));
  });
}

Weights random_signs(const Model& model, uint64_t seed, uint64_t number) {
  return drawn(model, seed, number, [](const Sequence& random, size_t k) {
    return random.below(k, 2) == 0 ? -1.0f : 1.0f;
  });
}

Weights quantized_weights_of(const Model& model) {
  Weights result;
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const Layer& layer = model.architecture.layers[i];
    const auto& latent = model.layers[i].weights;
    std::vector<float>& q = result.emplace_back();
    if (latent.empty()) continue;
    const float unit = levels_per_weight(layer, model.layers[i]);
    for (const int8_t w : quantized_weights(layer, latent, weight_scale(model.layers[i]))) {
      q.push_back(w / unit);
    }
  }
  return result;
}

void normalise_filters(const Model& model, Weights& direction) {
  const Weights q = quantized_weights_of(model);
  for (size_t i = 0; i < direction.size(); ++i) {
    if (direction[i].empty()) continue;
    const auto columns = static_cast<Eigen::Index>(model.architecture.layers[i].columns());
    for (size_t first = 0; first < q[i].size(); first += static_cast<size_t>(columns)) {
      Eigen::Map<Eigen::VectorXf> d(direction[i].data() + first, columns);
      const float size = d.norm();
      if (size > 0) d *= VectorView(q[i].data() + first, columns).norm() / size;
    }
  }
}

Weights offset_of(const Model& model, const Effects& effects) {
  const Network& network = model.architecture;
  const bool others = std::any_of(effects.patches.begin(), effects.patches.end(),
                                  [](const ParameterPatch& p) { return p.is_threshold; });
  if (others || effects.patches.size() != effects.size()) {
    throw InputError(network.name, "faults that are no broken weights", "memories of weights");
  }
  const std::vector<LayerFaults> faults = faults_by_tensor(effects, network);
  Weights offset = zeros_like(model);
  for (size_t i = 0; i < offset.size(); ++i) {
    if (offset[i].empty()) continue;
    const Layer& layer = network.layers[i];
    const LayerParameters& p = model.layers[i];
    std::vector<int32_t> sign;  // rows of negative scale are exported with the opposite sign
    for (int r = 0; r < layer.rows(); ++r) {
      sign.push_back(p.gamma[p.gamma.size() == 1 ? 0 : static_cast<size_t>(r)] < 0 ? -1 : 1);
    }
    const std::vector<int8_t> q = quantized_weights(layer, p.weights, weight_scale(p));
    std::vector<int8_t> broken = q;
    patch_weights(faults[i + 1], layer, sign, broken.data());
    const float unit = levels_per_weight(layer, p);
    for (size_t k = 0; k < q.size(); ++k) offset[i][k] = (broken[k] - q[k]) / unit;
  }
  return offset;
}

LossSurface::LossSurface(const Model& model, const DataSet& data, int images, int batch,
                         Workers& workers)
    : model_(model),
      images_(std::make_unique<InputImages>(model.architecture, data)),
      count_(images),
      batch_(std::min(batch, images)),
      workers_(workers),
      step_(model.architecture, {}, workers),
      input_(block_count(batch_) * block_elements(model.architecture.input())) {
  if (images < 1 || images > data.size()) {
    throw InputError(data.name, std::to_string(images) + " images",
                     "1 to " + std::to_string(data.size()));
  }
}

LossSurface::~LossSurface() = default;

LossSurface::Point LossSurface::at(const Weights& offset) {
  Point point;
  point.gradient = zeros_like(model_);
  std::vector<int> order(static_cast<size_t>(count_));
  std::iota(order.begin(), order.end(), 0);
  ImageBatches batches(*images_, order, batch_, workers_);
  int right = 0;
  for (int first = 0; first < count_; first += batch_) {
    const int samples = batches.next([](int) { return Shift{}; }, input_.data());
    std::vector<int> labels;
    for (int n = 0; n < samples; ++n) labels.push_back(images_->label(first + n));
    const StepResult result = step_.run(model_, input_.data(), labels, {}, first, {&offset, true});
    const double share = static_cast<double>(samples) / count_;
    point.loss += share * result.loss;
    right += result.correct;
    for (size_t i = 0; i < point.gradient.size(); ++i) {
      const auto& g = step_.gradients()[i].weights;
      auto& sum = point.gradient[i];
      for (size_t k = 0; k < sum.size(); ++k) sum[k] += static_cast<float>(share) * g[k];
    }
  }
  point.accuracy = static_cast<double>(right) / count_;
  return point;
}

Weights LossSurface::hessian_times(const Weights& direction, double step) {
  const double size = norm(direction);
  if (size == 0) return zeros_like(model_);
  const double h = step / size;
  Weights offset = zeros_like(model_);
  add(h, direction, offset);
  Weights result = at(offset).gradient;
  scale(offset, -1);
  add(-1, at(offset).gradient, result);
  scale(result, 1 / (2 * h));
  return result;
}

Sharpness measure_sharpness(LossSurface& surface, const Model& model,
                            const SharpnessOptions& options,
                            const std::function<bool(double)>& told) {
  const double work = 2 + 2.0 * options.repeats * options.iterations + 2.0 * options.probes;
  double done = 0;
  const auto go_on = [&](double passes) {
    done += passes;
    return !told || told(done / work);
  };
  Sharpness result;
  const LossSurface::Point here = surface.at(zeros_like(model));
  result.loss = here.loss;
  result.accuracy = here.accuracy;
  result.gradient_norm = norm(here.gradient);
  Weights offset = zeros_like(model);
  if (result.gradient_norm > 0) {
    add(options.rho / result.gradient_norm, here.gradient, offset);
  }
  const LossSurface::Point ascent = surface.at(offset);
  result.ascent_loss = ascent.loss;
  result.ascent_accuracy = ascent.accuracy;
  if (!go_on(2)) return result;

  std::vector<double> eigenvalues;
  for (int repeat = 0; repeat < options.repeats; ++repeat) {
    Weights v = normal_weights(model, options.seed, static_cast<uint64_t>(repeat));
    scale(v, 1 / norm(v));
    double eigenvalue = 0;
    int iteration = 0;
    while (iteration < options.iterations) {
      ++iteration;
      Weights next = surface.hessian_times(v, options.step);
      const double before = eigenvalue;
      eigenvalue = dot(v, next);
      const double size = norm(next);
      if (!go_on(2)) return result;
      if (size == 0) break;
      v = std::move(next);
      scale(v, 1 / size);
      if (std::abs(eigenvalue - before) < options.tolerance * std::abs(eigenvalue)) break;
    }
    go_on(2.0 * (options.iterations - iteration));
    result.iterations = std::max(result.iterations, iteration);
    eigenvalues.push_back(eigenvalue);
    result.top_eigenvalue = spread_of(eigenvalues);
  }
  std::vector<double> traces;
  for (int probe = 0; probe < options.probes; ++probe) {
    const Weights z = random_signs(model, options.seed, static_cast<uint64_t>(probe));
    traces.push_back(dot(z, surface.hessian_times(z, options.step)));
    result.trace = spread_of(traces);
    if (!go_on(2)) return result;
  }
  return result;
}

}  // namespace stuckat::trainer
