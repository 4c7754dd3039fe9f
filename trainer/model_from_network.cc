#include "trainer/model_from_network.h"

#include <algorithm>
#include <cmath>

#include "trainer/graph/result_values.h"
#include "trainer/images.h"
#include "trainer/loss.h"
#include "trainer/predict.h"
#include "trainer/step.h"
#include "workloads/errors.h"

namespace stuckat::trainer {
namespace {

float latent_weight(NumberFormat format, int weight) {
  if (format.kind == FormatKind::binary) return 0.5f * static_cast<float>(weight);
  const auto greatest = static_cast<float>(format.max_level());
  const auto w = static_cast<float>(weight);
  // The outermost levels have half a cell: values beyond 1 are clipped.
  const float inwards = weight == format.max_level()   ? -0.25f
                        : weight == format.min_level() ? 0.25f
                                                       : 0.0f;
  return (w + inwards) / greatest;
}

/// Somebody else's logits have another size than the loss wants: unless its batch-norm says so, the
/// first epochs do nothing but stretch them.
void fit_logits(const Network& network, const DataSet& data, Workers& workers, Model& model) {
  const ResultValues meaning(network);
  const int classes = network.classes();
  std::vector<double> values;
  for_each_logits(network, data, workers, {}, [&](const std::vector<int32_t>& logits) {
    for (size_t k = 0; k < logits.size(); ++k) {
      values.push_back(meaning.of(static_cast<int>(k) % classes, logits[k]));
    }
  });
  const std::vector<int> labels(data.labels.begin(), data.labels.end());
  const LogitNorm norm = fitted_norm(values, classes, logit_unit(network.layers.back()), labels);
  const Loss loss = squared_hinge(values, classes, norm, labels);
  LayerParameters& last = model.layers.back();
  last.gamma = {static_cast<float>(norm.gamma)};
  last.beta = {static_cast<float>(norm.beta)};
  last.mean = {loss.mean};
  last.variance = {loss.variance};
}

/// Where no layer is looked up in tables: thresholds stay, and move.
Model model_with_thresholds(const Network& network) {
  Model model = initial_model(network, 0);
  model.moved_thresholds = true;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    for (size_t k = 0; k < layer.weights.size(); ++k) {
      const bool binary = layer.weight_format.kind == FormatKind::binary;
      model.layers[i].weights[k] = binary ? 0.5f * static_cast<float>(layer.weights[k])
                                          : static_cast<float>(layer.weights[k]) /
                                                static_cast<float>(layer.weight_format.max_level());
    }
  }
  return model;
}

/// Scale and offset of the batch-norm from one row's thresholds on sums.
void fit_batch_norm(const Layer& layer, const std::vector<double>& thresholds, size_t row,
                    LayerParameters& p) {
  const NumberFormat format = layer.output_format;
  const double n = format.max_level();
  const double unit = accumulator_unit(layer);
  const double deviation = std::sqrt(p.variance[row] + batch_norm_epsilon);
  // y = slope * sum + offset meets `between` at each threshold: between = slope * t + offset.
  double mean_t = 0;
  double mean_b = 0;
  const auto count = static_cast<double>(thresholds.size());
  const auto between = [&](size_t i) {
    const int k = static_cast<int>(i);
    return (format.level(k) + format.level(k + 1)) / (2 * n);
  };
  for (size_t i = 0; i < thresholds.size(); ++i) {
    mean_t += thresholds[i] / count;
    mean_b += between(i) / count;
  }
  double tt = 0;
  double tb = 0;
  for (size_t i = 0; i < thresholds.size(); ++i) {
    tt += (thresholds[i] - mean_t) * (thresholds[i] - mean_t);
    tb += (thresholds[i] - mean_t) * (between(i) - mean_b);
  }
  // One threshold, or all the same one: the slope is free, and 1 is where training starts.
  const double slope = tt > 0 && tb > 0 ? tb / tt : unit / deviation;
  p.gamma[row] = static_cast<float>(slope * deviation / unit);
  const double at_mean = slope * (p.mean[row] / unit - mean_t) + mean_b;
  p.beta[row] = static_cast<float>(at_mean);
}

}  // namespace

Model model_from_network(const Network& network, const DataSet& calibration, Workers& workers) {
  constexpr int most = 4096;
  if (calibration.size() < 2 || calibration.size() > most) {
    throw InputError(calibration.name, std::to_string(calibration.size()) + " images to calibrate",
                     "2 to 4096");
  }
  if (!by_tables(network)) {
    Model model = model_with_thresholds(network);
    fit_logits(network, calibration, workers, model);
    return model;
  }
  Model model = initial_model(network, 0);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    LayerParameters& p = model.layers[i];
    for (size_t k = 0; k < layer.weights.size(); ++k) {
      p.weights[k] = latent_weight(layer.weight_format, layer.weights[k]);
    }
  }
  const InputImages images(network, calibration);
  const size_t block = block_elements(network.input());
  std::vector<int16_t> input(block_count(images.size()) * block);
  std::vector<int> labels;
  for (int n = 0; n < images.size(); ++n) {
    images.fill(n, {}, input.data() + n / lanes * block, n % lanes);
    labels.push_back(images.label(n));
  }
  TrainingStep step(network, {}, workers);
  // Layer by layer, since the statistics of one depend on the thresholds before it.
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (!layer.has_weights()) continue;
    Model trial = model;
    LayerParameters& seen = trial.layers[i];
    std::fill(seen.mean.begin(), seen.mean.end(), 0.0);
    std::fill(seen.variance.begin(), seen.variance.end(), 0.0);
    step.run(model, input.data(), labels);
    update_statistics(trial, step.statistics());
    LayerParameters& p = model.layers[i];
    const double count = static_cast<double>(images.size()) * layer.output.pixels() *
                         (layer.accumulator_output ? layer.rows() : 1);
    for (size_t r = 0; r < p.mean.size(); ++r) {
      p.mean[r] = seen.mean[r] / batch_norm_momentum;
      // As the batch-norm of a training step sees it: biased.
      p.variance[r] = seen.variance[r] / batch_norm_momentum * (count - 1) / count;
      if (layer.accumulator_output) continue;
      std::vector<double> thresholds;
      for (int k = 0; k < layer.thresholds_per_row(); ++k) {
        // The middle between the last sum that is not above the threshold and the first that is.
        const double t = layer.threshold_row(static_cast<int>(r))[k];
        thresholds.push_back(layer.is_xnor() ? 2 * t + 1 - layer.columns() : t + 0.5);
      }
      fit_batch_norm(layer, thresholds, r, p);
    }
  }
  return model;
}

Model start_model(const Network& network, const DataSet& train, Workers& workers) {
  constexpr int most_calibration_images = 1000;
  return model_from_network(network, spread_images(train, most_calibration_images), workers);
}

}  // namespace stuckat::trainer
