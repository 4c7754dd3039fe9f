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

LogitNorm fitted_norm(const std::vector<double>& sums, int classes, double unit,
                      const std::vector<int>& labels) {
  const Loss start = squared_hinge(sums, classes, {unit}, labels);
  const auto all = static_cast<double>(sums.size());
  const double inverse = 1 / std::sqrt(start.variance * (all - 1) / all + batch_norm_epsilon);
  double gamma = 1;
  double beta = 0;
  // Squares over the logits within the margin, which change with gamma and beta: Newton's method
  // is the least squares of those, again and again.
  constexpr int most = 50;
  for (int round = 0; round < most; ++round) {
    double count = 0, x = 0, xx = 0, y = 0, xy = 0;
    for (size_t k = 0; k < sums.size(); ++k) {
      const auto width = static_cast<size_t>(classes);
      const double target = labels[k / width] == static_cast<int>(k % width) ? 1 : -1;
      const double normalised = (sums[k] * unit - start.mean) * inverse;
      if (target * (gamma * normalised + beta) >= 1) continue;
      count += 1;
      x += normalised;
      xx += normalised * normalised;
      y += target;
      xy += normalised * target;
    }
    const double determinant = count * xx - x * x;
    if (!(determinant > 0)) break;
    const double next = (count * xy - x * y) / determinant;
    const bool done = std::abs(next - gamma) < 1e-6;
    gamma = next;
    beta = (y - gamma * x) / count;
    if (done) break;
  }
  const LogitNorm fitted{unit, gamma, beta};
  const bool better = gamma > 0 && squared_hinge(sums, classes, fitted, labels).loss < start.loss;
  return better ? fitted : LogitNorm{unit};
}

}  // namespace stuckat::trainer
