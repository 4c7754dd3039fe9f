#include "trainer/batch_norm.h"

#include <algorithm>
#include <cmath>

namespace stuckat::trainer {

void BatchNorm::begin(size_t rows, MultiThreshold& quantizer) {
  frozen_ = false;
  quantizer.thresholds.clear();
  quantizer.edges.clear();
  for (auto* values : {&band_.low, &band_.high, &band_.mean}) values->resize(rows);
  for (auto* values : {&deviation_, &statistics_.mean, &statistics_.variance}) {
    values->resize(rows);
  }
}

IntegerBatchNorm BatchNorm::add_row(const LayerParameters& parameters, size_t r, double mean,
                                    double variance, double count, double unit, int32_t limit,
                                    MultiThreshold& quantizer) {
  const double real_mean = mean * unit;
  const double real_variance = variance * unit * unit;
  const IntegerBatchNorm norm =
      integer_batch_norm(unit, parameters.gamma[r], parameters.beta[r], real_mean, real_variance);
  const FoldedRow row = fold(norm, quantizer.format, limit);
  quantizer.thresholds.insert(quantizer.thresholds.end(), row.thresholds.begin(),
                              row.thresholds.end());
  band_.low[r] = static_cast<float>(row.low);
  band_.high[r] = static_cast<float>(row.high);
  band_.mean[r] = static_cast<float>(mean);
  deviation_[r] = unit / std::sqrt(real_variance + batch_norm_epsilon);
  statistics_.mean[r] = real_mean;
  statistics_.variance[r] = count > 1 ? real_variance * count / (count - 1) : real_variance;
  return norm;
}

void BatchNorm::add_edges(const IntegerBatchNorm& norm, size_t r, MultiThreshold& quantizer) {
  const RealRow row = real_row(norm, quantizer.format);
  for (const double edge : row.edges) quantizer.edges.push_back(static_cast<float>(edge));
  band_.low[r] = static_cast<float>(row.low);
  band_.high[r] = static_cast<float>(row.high);
}

void BatchNorm::normalise(const LayerParameters& parameters, const std::vector<ChannelSums>& blocks,
                          double count, double unit, int32_t limit, MultiThreshold& quantizer) {
  const size_t rows = parameters.gamma.size();
  begin(rows, quantizer);
  for (size_t r = 0; r < rows; ++r) {
    int64_t sum = 0;
    int64_t square = 0;
    for (const ChannelSums& s : blocks) {
      sum += s.sum[r];
      square += s.square[r];
    }
    const double mean = static_cast<double>(sum) / count;
    const double variance = std::max(0.0, static_cast<double>(square) / count - mean * mean);
    add_row(parameters, r, mean, variance, count, unit, limit, quantizer);
  }
}

void BatchNorm::normalise(const LayerParameters& parameters,
                          const std::vector<RealChannelSums>& blocks, double count, double unit,
                          int32_t limit, MultiThreshold& quantizer) {
  const size_t rows = parameters.gamma.size();
  begin(rows, quantizer);
  for (size_t r = 0; r < rows; ++r) {
    double sum = 0;
    double square = 0;
    for (const RealChannelSums& s : blocks) {
      sum += s.sum[r];
      square += s.square[r];
    }
    const double mean = sum / count;
    const double variance = std::max(0.0, square / count - mean * mean);
    add_edges(add_row(parameters, r, mean, variance, count, unit, limit, quantizer), r, quantizer);
  }
}

void BatchNorm::freeze(const LayerParameters& parameters, double unit, int32_t limit,
                       MultiThreshold& quantizer) {
  const size_t rows = parameters.gamma.size();
  begin(rows, quantizer);
  frozen_ = true;
  for (size_t r = 0; r < rows; ++r) {
    const double mean = parameters.mean[r] / unit;
    const double variance = parameters.variance[r] / unit / unit;
    add_edges(add_row(parameters, r, mean, variance, 0, unit, limit, quantizer), r, quantizer);
  }
}

std::pair<double, double> BatchNorm::Passed::of_row(size_t row, size_t rows) const {
  const size_t blocks = sums.size() / (rows * lanes);
  double sum = 0;
  double product = 0;
  for (size_t block = 0; block < blocks; ++block) {
    for (size_t l = 0; l < lanes; ++l) {
      sum += static_cast<double>(sums[(block * rows + row) * lanes + l]);
      product += static_cast<double>(products[(block * rows + row) * lanes + l]);
    }
  }
  return {sum, product};
}

BatchNormBackward BatchNorm::backward(const LayerParameters& parameters, const Passed& passed,
                                      double count, std::vector<float>& gamma_gradient,
                                      std::vector<float>& beta_gradient) const {
  const size_t rows = deviation_.size();
  BatchNormBackward k;
  k.mean = band_.mean;
  for (auto* values : {&k.scale, &k.offset, &k.slope, &gamma_gradient, &beta_gradient}) {
    values->resize(rows);
  }
  for (size_t r = 0; r < rows; ++r) {
    const auto [s, d] = passed.of_row(r, rows);
    const double deviation = deviation_[r];
    const double gain = static_cast<double>(parameters.gamma[r]) * deviation;
    beta_gradient[r] = static_cast<float>(s);
    gamma_gradient[r] = static_cast<float>(d * deviation);
    k.scale[r] = static_cast<float>(gain);
    if (frozen_) continue;
    k.offset[r] = static_cast<float>(gain * s / count);
    k.slope[r] = static_cast<float>(gain * deviation * deviation * d / count);
  }
  return k;
}

}  // namespace stuckat::trainer
