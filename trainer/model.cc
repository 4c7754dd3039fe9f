#include "trainer/model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "trainer/graph/moved_thresholds.h"
#include "trainer/kernels.h"
#include "trainer/random.h"
#include "workloads/capabilities.h"
#include "workloads/errors.h"

namespace stuckat::trainer {
namespace {

double real_divisor(NumberFormat format) {
  return format.kind == FormatKind::fixed_point ? 128.0 : format.max_level();
}

/// The greatest integer t with t <= x, cut to -limit .. limit.
int32_t floor_within(double x, int32_t limit) {
  if (std::isnan(x)) return -limit;  // a model that diverged: the loss says so
  return static_cast<int32_t>(
      std::floor(std::clamp(x, -static_cast<double>(limit), static_cast<double>(limit))));
}

void check_finite(const Model& model, int layer) {
  const auto i = static_cast<size_t>(layer);
  const LayerParameters& p = model.layers[i];
  const auto finite = [](const auto& values) {
    return std::all_of(values.begin(), values.end(), [](auto v) { return std::isfinite(v); });
  };
  if (finite(p.weights) && finite(p.scale) && finite(p.gamma) && finite(p.beta) && finite(p.mean) &&
      finite(p.variance)) {
    return;
  }
  throw InputError(model.architecture.name,
                   "parameters of layer '" + model.architecture.layers[i].name +
                       "' are not finite: the training diverged",
                   "a lower learning rate");
}

/// On accumulators, as the layer counts them.
void push_thresholds(const std::vector<int32_t>& on_sums, Layer& layer) {
  for (const int32_t t : on_sums) {
    // sum = 2 * matches - columns > t  <=>  matches > (t + columns) / 2, rounded down.
    layer.thresholds.push_back(
        layer.is_xnor() ? static_cast<int32_t>(std::floor((t + layer.columns()) / 2.0)) : t);
  }
}

void export_moved(const LayerParameters& parameters, const Layer& imported, Layer& layer) {
  layer.weights = quantized_weights(layer, parameters.weights);
  layer.thresholds.clear();
  if (layer.accumulator_output) return;
  if (parameters.gamma.size() != static_cast<size_t>(layer.rows())) {
    layer.thresholds = imported.thresholds;
    return;
  }
  for (int row = 0; row < layer.rows(); ++row) {
    const auto r = static_cast<size_t>(row);
    push_thresholds(moved_row(imported, row, parameters.gamma[r], parameters.beta[r]).thresholds,
                    layer);
  }
  clamp_thresholds(layer);
}

void export_parameters(const LayerParameters& parameters, Layer& layer) {
  layer.weights = quantized_weights(layer, parameters.weights, weight_scale(parameters));
  const int columns = layer.columns();
  const auto negate_row = [&](int row) {
    int8_t* w = layer.weights.data() + static_cast<ptrdiff_t>(row) * columns;
    for (int i = 0; i < columns; ++i) w[i] = static_cast<int8_t>(-w[i]);
  };
  layer.thresholds.clear();
  if (layer.accumulator_output) {
    const float gamma = parameters.gamma.front();
    for (int row = 0; row < layer.rows(); ++row) {
      if (gamma < 0) negate_row(row);
      // Every logit is beta: any weights will do that are the same in all rows.
      if (gamma == 0)
        std::copy_n(layer.weight_row(0), columns, layer.weights.begin() + row * columns);
    }
    return;
  }
  if (parameters.gamma.size() != static_cast<size_t>(layer.rows())) {
    throw InputError(layer.name, "a result of levels without a network to start from",
                     "a network that ends with sums, or one that has its thresholds");
  }
  const double unit = accumulator_unit(layer, parameters);
  const auto limit = static_cast<int32_t>(sum_bound(layer) + 1);
  for (int row = 0; row < layer.rows(); ++row) {
    const auto r = static_cast<size_t>(row);
    const FoldedRow folded = fold(integer_batch_norm(unit, parameters.gamma[r], parameters.beta[r],
                                                     parameters.mean[r], parameters.variance[r]),
                                  layer.output_format, limit);
    if (folded.sign < 0) negate_row(row);
    push_thresholds(folded.thresholds, layer);
  }
  clamp_thresholds(layer);
}

}  // namespace

namespace {

constexpr int most_table_bits = 4;  // of activations after the input

const Capabilities& known_chains() {
  static const Capabilities known = {
      .refusal = "the trainer does not look up",
      .kinds = {LayerKind::convolution, LayerKind::dense, LayerKind::max_pool},
      .input_map = false};
  return known;
}

std::vector<NumberFormat> formats_of_16_bits() {
  std::vector<NumberFormat> formats = all_number_formats();
  for (const NumberFormat& format : wide_number_formats()) {
    if (format.max_level() <= INT16_MAX) formats.push_back(format);
  }
  return formats;
}

}  // namespace

bool by_tables(const Network& network) {
  for (size_t i = 1; i < network.layers.size(); ++i) {
    if (network.layers[i].input_format.bits > most_table_bits) return false;
  }
  return supports(known_chains(), network);
}

void check_trainable(const Network& network) {
  static const Capabilities known = {.refusal = "the trainer does not compute",
                                     .kinds = layer_kinds(),
                                     .any_graph = true,
                                     .any_window = true,
                                     .groups = true,
                                     .class_map = true,
                                     .any_result = true,
                                     .formats = formats_of_16_bits()};
  check_supported(network, known, network.name);
  const Layer& last = network.layers.back();
  if (last.output.pixels() != 1 || !last.kind->sums) {
    throw InputError(network.name,
                     "layer '" + last.name + "' gives " + last.output.text() +
                         " values of a layer that " +
                         (last.kind->sums ? "sums" : "passes them on") +
                         " as the result, which the trainer does not compute",
                     "one pixel of sums, or of levels of sums");
  }
  for (const Layer& layer : network.layers) {
    if (!layer.kind->sums || sum_bound(layer) < INT32_MAX / 2) continue;
    throw InputError(network.name,
                     "layer '" + layer.name + "' has sums up to " +
                         std::to_string(sum_bound(layer)) + ", which the trainer does not compute",
                     "below 2^30");
  }
}

int64_t norms(const Network& network, int layer) {
  return layer + 1 == static_cast<int>(network.layers.size()) ? 1 : network.layer(layer).rows();
}

void keep_scales_positive(Model& model) {
  constexpr float least = 1e-3f;
  for (size_t i = 0; i < model.layers.size(); ++i) {
    if (model.architecture.layers[i].has_weights() && !model.moved_thresholds) continue;
    for (float& gamma : model.layers[i].gamma) {
      if (gamma < least) gamma = least;
    }
  }
}

void update_statistics(Model& model, const std::vector<BatchStatistics>& batch) {
  for (size_t i = 0; i < batch.size(); ++i) {
    LayerParameters& p = model.layers[i];
    for (size_t r = 0; r < batch[i].mean.size(); ++r) {
      p.mean[r] += batch_norm_momentum * (batch[i].mean[r] - p.mean[r]);
      p.variance[r] += batch_norm_momentum * (batch[i].variance[r] - p.variance[r]);
    }
  }
}

Model initial_model(const Network& architecture, uint64_t seed) {
  check_trainable(architecture);
  Model model{architecture, std::vector<LayerParameters>(architecture.layers.size())};
  for (size_t i = 0; i < architecture.layers.size(); ++i) {
    const Layer& layer = architecture.layers[i];
    if (!layer.kind->sums) continue;
    LayerParameters& p = model.layers[i];
    if (layer.has_weights()) {
      const Sequence random(seed, Purpose::weights, i);
      p.weights.resize(static_cast<size_t>(layer.rows()) * static_cast<size_t>(layer.columns()));
      for (size_t k = 0; k < p.weights.size(); ++k) {
        p.weights[k] = static_cast<float>(2 * random.uniform(k) - 1);
      }
    }
    const auto count = static_cast<size_t>(norms(architecture, static_cast<int>(i)));
    p.gamma.assign(count, 1.0f);
    p.beta.assign(count, 0.0f);
    p.mean.assign(count, 0.0);
    p.variance.assign(count, 1.0);
  }
  return model;
}

float weight_scale(const LayerParameters& parameters) {
  return parameters.scale.empty() ? 1.0f : parameters.scale.front();
}

float levels_per_weight(const Layer& layer, const LayerParameters& parameters) {
  return static_cast<float>(layer.weight_format.max_level()) / weight_scale(parameters);
}

void quantize_weights(NumberFormat format, float scale, const float* latent, size_t count,
                      int8_t* weights) {
  const float per_weight = static_cast<float>(format.max_level()) / scale;
  if (format.kind == FormatKind::binary) {
    quantize_binary(latent, count, weights);
  } else if (format.min_level() != -format.max_level()) {
    const auto greatest = static_cast<float>(format.max_level());
    const auto lowest = static_cast<float>(format.min_level());
    for (size_t i = 0; i < count; ++i) {
      const float level = std::nearbyint(latent[i] * per_weight);
      weights[i] = static_cast<int8_t>(std::clamp(level, lowest, greatest));
    }
  } else {
    quantize_levels(latent, count, scale, per_weight, weights);
  }
}

std::vector<int8_t> quantized_weights(const Layer& layer, const std::vector<float>& latent,
                                      float scale) {
  std::vector<int8_t> result(latent.size());
  quantize_weights(layer.weight_format, scale, latent.data(), latent.size(), result.data());
  return result;
}

double accumulator_unit(const Layer& layer) {
  if (!layer.tables.empty()) {
    double greatest = 1;
    for (const CodeTable& table : layer.tables) {
      greatest = std::max(greatest, static_cast<double>(*std::max_element(table.values.begin(),
                                                                          table.values.end())));
    }
    return 1 / greatest;
  }
  if (!layer.has_weights()) {  // of a mean
    return 1.0 / (real_divisor(layer.input_format) * layer.kernel.height * layer.kernel.width);
  }
  return 1.0 / (real_divisor(layer.input_format) * real_divisor(layer.weight_format));
}

double accumulator_unit(const Layer& layer, const LayerParameters& parameters) {
  return accumulator_unit(layer) * weight_scale(parameters);
}

double logit_unit(const Layer& last) {
  return last.accumulator_output ? accumulator_unit(last) : 1.0 / last.output_format.max_level();
}

IntegerBatchNorm integer_batch_norm(double unit, double gamma, double beta, double mean,
                                    double variance) {
  return {gamma * unit / std::sqrt(variance + batch_norm_epsilon), mean / unit, beta};
}

RealRow real_row(const IntegerBatchNorm& norm, NumberFormat format) {
  RealRow row;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double n = format.max_level();
  const double lowest = format.min_level() / n;
  const int sign = norm.gain < 0 ? -1 : 1;
  for (int i = 0; i < format.thresholds(); ++i) {
    const double between = (format.level(i) + format.level(i + 1)) / (2 * n);
    // y > between  <=>  sign * sum > sign * (mean + (between - beta) / gain)
    row.edges.push_back(norm.gain != 0 ? sign * (norm.mean + (between - norm.beta) / norm.gain)
                        : norm.beta > between ? -infinity
                                              : infinity);
  }
  if (norm.gain == 0) {
    const bool inside = norm.beta >= lowest && norm.beta <= 1;
    row.low = inside ? -infinity : infinity;
    row.high = -row.low;
    return row;
  }
  const double a = norm.mean + (lowest - norm.beta) / norm.gain;
  const double b = norm.mean + (1 - norm.beta) / norm.gain;
  row.low = std::min(a, b);
  row.high = std::max(a, b);
  return row;
}

FoldedRow fold(const IntegerBatchNorm& norm, NumberFormat format, int32_t limit) {
  const RealRow real = real_row(norm, format);
  FoldedRow row;
  row.sign = norm.gain < 0 ? -1 : 1;
  for (const double edge : real.edges) row.thresholds.push_back(floor_within(edge, limit));
  row.low = -floor_within(-real.low, limit);
  row.high = floor_within(real.high, limit);
  return row;
}

int64_t sum_bound(const Layer& layer) {
  if (!layer.has_weights()) {
    const auto [least, greatest] = layer.kind->sums_between(layer);
    return std::max(-least, greatest);
  }
  const int64_t w = std::max(-layer.weight_format.min_value(), layer.weight_format.max_level());
  const int64_t x = std::max(-layer.input_format.min_value(), layer.input_format.max_level());
  return w * x * layer.columns();
}

void export_layer(const Model& model, int layer, Layer& exported) {
  check_finite(model, layer);
  const LayerParameters& parameters = model.layers[static_cast<size_t>(layer)];
  if (model.moved_thresholds) {
    export_moved(parameters, model.architecture.layer(layer), exported);
  } else {
    export_parameters(parameters, exported);
  }
}

Network export_network(const Model& model) {
  Network network = model.architecture;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (network.layers[i].kind->sums) {
      export_layer(model, static_cast<int>(i), network.layers[i]);
    }
  }
  validate(network, network.name);
  return network;
}

}  // namespace stuckat::trainer
