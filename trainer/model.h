// A network that learns: latent float weights and batch-norms over an integer architecture.
//
// Real values: a weight of integer value w counts as w / max_level of its format, an activation
// likewise, the 8-bit input as x / 128. Per row: y = gamma * (a - mean) / sqrt(variance + eps) +
// beta on the real accumulator a, then the quantizer; the last layer has one batch-norm for all
// of its logits (methods.md, section 1: the recipe of the FAT paper and of Brevitas).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/network.h"

namespace stuckat::trainer {

inline constexpr double batch_norm_epsilon = 1e-4;
inline constexpr double batch_norm_momentum = 0.1;  ///< share of the new batch in the running sums

/// Parameters of one layer that sums: without weights where it has none (an add, an average-pool).
/// All are empty for a layer that passes values on.
struct LayerParameters {
  std::vector<float> weights;    ///< latent, [rows][columns]; in [-1, 1] unless `scale` is learned
  std::vector<float> gamma;      ///< [rows], or [1] at the last layer
  std::vector<float> beta;       ///< as gamma
  std::vector<double> mean;      ///< running, of the real accumulators; as gamma
  std::vector<double> variance;  ///< running, unbiased; as gamma
  std::vector<float> scale;      ///< [1] of the weights, learned (learned_scales.h); or empty: 1

  bool operator==(const LayerParameters&) const = default;
};

struct Model {
  Network architecture;  ///< its weights are not used, nor are its thresholds unless they are moved
  std::vector<LayerParameters> layers;
  /// There are no batch-norms: gamma and beta move the thresholds of the architecture
  /// (graph/moved_thresholds.h).
  bool moved_thresholds = false;

  bool operator==(const Model&) const = default;
};

/// What the batch-norms of one layer saw in a batch, of the real accumulators; empty for a pool.
struct BatchStatistics {
  std::vector<double> mean;
  std::vector<double> variance;  ///< unbiased

  bool operator==(const BatchStatistics&) const = default;
};
/// Moves the running statistics towards those of a batch, [layer].
void update_statistics(Model& model, const std::vector<BatchStatistics>& batch);

/// Weights uniform in (-1, 1), gamma 1, beta 0. Throws InputError if `architecture` has something
/// that cannot be trained (its shapes and formats are checked by validate()).
Model initial_model(const Network& architecture, uint64_t seed);

/// Whether a network is a chain of few bits, whose products are looked up in tables.
bool by_tables(const Network& network);
/// Gammas and betas of a layer that sums: one for each row, or one for all values of a result.
int64_t norms(const Network& network, int layer);
/// Rows of negative scale are the same as rows of negative weights: not where there are no weights,
/// nor with moved thresholds. Scales that must be positive become the least that they may be.
void keep_scales_positive(Model& model);

/// What the trainer computes. Throws InputError(network.name, ...) for a network with more.
void check_trainable(const Network& network);

/// Real value of the greatest level of a layer's weights: the maximum of 1, or learned.
float weight_scale(const LayerParameters& parameters);
/// Levels of a weight to a real value of 1.
float levels_per_weight(const Layer& layer, const LayerParameters& parameters);

/// Integer weights of a layer: 1 bit: +1 where latent >= 0, else -1; b bits: latent * max_level /
/// scale rounded to the nearest (ties to even), within the levels.
std::vector<int8_t> quantized_weights(const Layer& layer, const std::vector<float>& latent,
                                      float scale = 1);
/// The same for `count` weights.
void quantize_weights(NumberFormat format, float scale, const float* latent, size_t count,
                      int8_t* weights);

/// Real value of one unit of the layer's integer sum of weight * activation, at a scale of 1.
double accumulator_unit(const Layer& layer);
/// The same at the scale of the layer's weights.
double accumulator_unit(const Layer& layer, const LayerParameters& parameters);
/// Real value of one unit of a network's result, sums or levels; `last` makes it.
double logit_unit(const Layer& last);

/// A batch-norm on integer sums: y = gain * (sum - mean) + beta.
struct IntegerBatchNorm {
  double gain = 1;
  double mean = 0;
  double beta = 0;
};

/// From the statistics of the real accumulators.
IntegerBatchNorm integer_batch_norm(double unit, double gamma, double beta, double mean,
                                    double variance);

/// The quantizer after a batch-norm, as integers. A value is the level number (thresholds strictly
/// below sign * sum); y exactly between two levels takes the lower one (so sign(0) is -1). gain 0
/// gives thresholds beyond every sum. The straight-through gradient passes where
/// low <= sum <= high: where y lies in [min_level, max_level] / max_level.
struct FoldedRow {
  int32_t sign = 1;
  std::vector<int32_t> thresholds;  ///< ascending; [format.thresholds()]
  int32_t low = 0;
  int32_t high = 0;
};

/// limit: thresholds and band are cut to -limit .. limit, which must be beyond every sum.
FoldedRow fold(const IntegerBatchNorm& norm, NumberFormat format, int32_t limit);

/// The same for sums that are real numbers. gain 0: edges at +-infinity.
struct RealRow {
  std::vector<double> edges;  ///< ascending; a value is the number of edges below sign * sum
  double low = 0;             ///< of the sums where the gradient passes
  double high = 0;
};
RealRow real_row(const IntegerBatchNorm& norm, NumberFormat format);

/// Greatest |sum of weight * activation| that the formats allow.
int64_t sum_bound(const Layer& layer);

/// The integer network that computes what the model computes in evaluation mode: batch-norms with
/// running statistics folded into thresholds, rows negated where the scale is negative. A negative
/// scale of the logits negates all weights of the last layer; a zero scale gives equal logits.
/// Throws InputError if a parameter is not finite.
Network export_network(const Model& model);
/// The same of one layer with weights: weights and thresholds of `exported`, which is that layer of
/// the architecture.
void export_layer(const Model& model, int layer, Layer& exported);

}  // namespace stuckat::trainer
