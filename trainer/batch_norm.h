// The batch-norm of a layer's rows in training: from the sums of a batch to thresholds and pass
// bands, and from what the quantizer lets pass to the gradients.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "trainer/elementwise.h"
#include "trainer/model.h"

namespace stuckat::trainer {

class BatchNorm {
 public:
  /// Statistics of a batch. blocks: sums of each block; count: sums of a row; unit: real value of
  /// one unit of the sums; limit: as in fold().
  void normalise(const LayerParameters& parameters, const std::vector<ChannelSums>& blocks,
                 double count, double unit, int32_t limit, MultiThreshold& quantizer);
  /// The same of sums that are real numbers: the quantizer gets edges as well as thresholds.
  void normalise(const LayerParameters& parameters, const std::vector<RealChannelSums>& blocks,
                 double count, double unit, int32_t limit, MultiThreshold& quantizer);
  /// By the running statistics instead of a batch's, which are then constants to the gradient.
  void freeze(const LayerParameters& parameters, double unit, int32_t limit,
              MultiThreshold& quantizer);
  const PassBand& band() const { return band_; }
  const BatchStatistics& statistics() const { return statistics_; }

  /// What pass_gradient() has added up: [block][row][16].
  struct Passed {
    std::vector<float> sums;
    std::vector<float> products;

    /// Sums and products of one of `rows` rows, added up.
    std::pair<double, double> of_row(size_t row, size_t rows) const;
  };
  /// The gradients of gamma and beta; returns what batch_norm_gradient() needs.
  BatchNormBackward backward(const LayerParameters& parameters, const Passed& passed, double count,
                             std::vector<float>& gamma_gradient,
                             std::vector<float>& beta_gradient) const;

 private:
  void begin(size_t rows, MultiThreshold& quantizer);
  /// mean, variance (biased) of a row's sums. Adds its thresholds to the quantizer; returns what
  /// they follow from.
  IntegerBatchNorm add_row(const LayerParameters& parameters, size_t row, double mean,
                           double variance, double count, double unit, int32_t limit,
                           MultiThreshold& quantizer);
  void add_edges(const IntegerBatchNorm& norm, size_t row, MultiThreshold& quantizer);

  bool frozen_ = false;
  PassBand band_;
  std::vector<double> deviation_;  // [row] unit / sqrt(variance + eps): of the normalised sum
  BatchStatistics statistics_;
};

}  // namespace stuckat::trainer
