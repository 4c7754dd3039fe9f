// What a sample says about what it was drawn from: confidence limits that hold at 0 and 1 too.
#pragma once

#include <cstdint>
#include <map>

namespace stuckat::campaign {

/// A figure with its confidence interval.
struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;

  bool operator==(const Estimate&) const = default;
};

/// How many different things a sample is drawn from, where there is no end to them.
constexpr int64_t endless = INT64_MAX;

/// The share of a population that has a property, where `found` of `sampled` that were drawn
/// without repetition have it. Exact: the least and the greatest number K of the population for
/// which P(X >= found) and P(X <= found) are above (1 - confidence) / 2, X hypergeometric. Covers
/// the truth at least as often as `confidence` says, whatever it is. 0 < sampled <= population.
Estimate share_limits(int64_t found, int64_t sampled, int64_t population, double confidence);

/// The mean of a population of values within [0, 1], where `sample` were drawn without repetition:
/// how often each value was. The limits of Gaffke (2005; Learned-Miller and Thomas 2020): of the
/// means of the sample and one more value, the extreme 1 (of the low one 0), under random weights
/// (flat Dirichlet), the quantile. For values 0 and 1 they are those of Clopper and Pearson; for
/// values close to each other they are as close, and what none of the sample shows is accounted
/// for. Of a finite population each value counts (N-1)/(N-n) times, and the extreme one so often
/// that a sample of zeros has the limit of share_limits(). The quantile by a saddlepoint
/// (Lugannani and Rice 1980). A whole population is its mean.
Estimate mean_limits(const std::map<double, int64_t>& sample, int64_t population,
                     double confidence);

/// By how much a fault lowers the share of right predictions, faulty against fault-free on the same
/// images: `lost` of `images` became wrong, `gained` right. The images are a sample of an endless
/// number. Values -1, 0, 1 in mean_limits().
Estimate paired_loss(int64_t lost, int64_t gained, int64_t images, double confidence);

}  // namespace stuckat::campaign
