// The loss of a step, after the one batch-norm of all logits.
#pragma once

#include <vector>

namespace stuckat::trainer {

/// Scale and offset of the logits' batch-norm, and the real value of one unit of their sums.
struct LogitNorm {
  double unit = 1;
  double gamma = 1;
  double beta = 0;
  /// Not by the batch's statistics but by these, which are constants to the gradient.
  bool frozen = false;
  double mean = 0;      ///< of the real sums
  double variance = 1;  ///< likewise
};

struct Loss {
  double loss = 0;  ///< mean over samples and classes of max(0, 1 - target * logit)^2
  int correct = 0;
  std::vector<double> by_sum;  ///< derivative by the sums, [sample][class]
  double by_gamma = 0;
  double by_beta = 0;
  double mean = 0;      ///< of the real sums
  double variance = 0;  ///< likewise, unbiased
};

/// Scale and offset for which the squared hinge loss of `sums` is least, with the statistics of
/// these sums; scale 1 and offset 0 where no positive scale is of use. sums, labels: as below.
LogitNorm fitted_norm(const std::vector<double>& sums, int classes, double unit,
                      const std::vector<int>& labels);

/// The squared hinge loss; targets are +1 for the label's class and -1 for the others. sums:
/// [sample][class].
Loss squared_hinge(const std::vector<double>& sums, int classes, const LogitNorm& norm,
                   const std::vector<int>& labels);

}  // namespace stuckat::trainer
