#include "trainer/loss.h"

#include <cmath>

#include "trainer/model.h"

namespace stuckat::trainer {

Loss squared_hinge(const std::vector<double>& sums, int classes, const LogitNorm& norm,
                   const std::vector<int>& labels) {
  const auto count = static_cast<double>(sums.size());
  const double unit = norm.unit;
  Loss result;
  double& mean = result.mean;
  for (const double s : sums) mean += s * unit / count;
  double variance = 0;
  for (const double s : sums) variance += (s * unit - mean) * (s * unit - mean) / count;
  result.variance = count > 1 ? variance * count / (count - 1) : variance;
  if (norm.frozen) {
    mean = norm.mean;
    variance = norm.variance;
  }
  const double inverse = 1 / std::sqrt(variance + batch_norm_epsilon);

  std::vector<double> by_logit(sums.size());
  for (size_t n = 0; n < labels.size(); ++n) {
    int best = 0;
    double best_logit = 0;
    for (int c = 0; c < classes; ++c) {
      const size_t k = n * static_cast<size_t>(classes) + static_cast<size_t>(c);
      const double normalised = (sums[k] * unit - mean) * inverse;
      const double logit = norm.gamma * normalised + norm.beta;
      const double target = labels[n] == c ? 1 : -1;
      const double margin = 1 - target * logit;
      // Not (margin <= 0), so that a NaN shows.
      if (!(margin <= 0)) {
        result.loss += margin * margin / count;
        by_logit[k] = -2 * target * margin / count;
      }
      result.by_beta += by_logit[k];
      result.by_gamma += by_logit[k] * normalised;
      if (c == 0 || logit > best_logit) {
        best = c;
        best_logit = logit;
      }
    }
    if (best == labels[n]) ++result.correct;
  }
  result.by_sum.resize(sums.size());
  for (size_t k = 0; k < sums.size(); ++k) {
    const double normalised = (sums[k] * unit - mean) * inverse;
    const double by_normalised =
        norm.frozen ? by_logit[k]
                    : by_logit[k] - result.by_beta / count - normalised * result.by_gamma / count;
    result.by_sum[k] = norm.gamma * inverse * unit * by_normalised;
  }
  return result;
}

}  // namespace stuckat::trainer
