#include "sim/campaign/limits.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

namespace stuckat::campaign {
namespace {

/// ln of n over k.
double ln_binomial(int64_t n, int64_t k) {
  const auto ln_factorial = [](int64_t i) { return std::lgamma(static_cast<double>(i) + 1); };
  return ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
}

/// Hypergeometric: `sampled` of `population`, of which `having` have a property.
struct Hypergeometric {
  int64_t population;
  int64_t having;
  int64_t sampled;

  int64_t least() const { return std::max<int64_t>(0, sampled - (population - having)); }
  int64_t greatest() const { return std::min(sampled, having); }
  double probability(int64_t x) const {
    return std::exp(ln_binomial(having, x) + ln_binomial(population - having, sampled - x) -
                    ln_binomial(population, sampled));
  }
  /// P(x + 1) / P(x)
  double ratio(int64_t x) const {
    return static_cast<double>(having - x) * static_cast<double>(sampled - x) /
           (static_cast<double>(x + 1) *
            static_cast<double>(population - having - sampled + x + 1));
  }
  /// P(X >= x). Sums the side that falls away from the mean, where no term is lost.
  double at_least(int64_t x) const {
    if (x <= least()) return 1;
    if (x > greatest()) return 0;
    const double mean = static_cast<double>(sampled) * static_cast<double>(having) /
                        static_cast<double>(population);
    double sum = 0;
    if (static_cast<double>(x) > mean) {
      double term = probability(x);
      for (int64_t i = x; i <= greatest() && term > sum * 1e-17; ++i) {
        sum += term;
        term *= ratio(i);
      }
      return std::min(1.0, sum);
    }
    double term = probability(x - 1);
    for (int64_t i = x - 1; i >= least() && term > sum * 1e-17; --i) {
      sum += term;
      if (i > least()) term /= ratio(i - 1);
    }
    return std::max(0.0, 1 - sum);
  }
};

/// Least K within [low, high] for which holds(K), which stays true from there on.
template <typename Holds>
int64_t first_that(int64_t low, int64_t high, const Holds& holds) {
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (holds(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/// Gammas of those shapes, each times its factor, added up.
struct GammaSum {
  std::vector<double> shapes;
  std::vector<double> factors;  ///< some below 0, some above

  /// The cumulant generating function and two derivatives at t.
  struct Cumulants {
    double value = 0;
    double first = 0;
    double second = 0;
  };
  Cumulants at(double t) const {
    Cumulants k;
    for (size_t j = 0; j < shapes.size(); ++j) {
      const double rest = 1 - t * factors[j];
      const double slope = factors[j] / rest;
      k.value -= shapes[j] * std::log(rest);
      k.first += shapes[j] * slope;
      k.second += shapes[j] * slope * slope;
    }
    return k;
  }

  /// P(sum <= 0) by the saddlepoint, in Barndorff-Nielsen's form.
  double not_positive() const {
    const auto [least, greatest] = std::minmax_element(factors.begin(), factors.end());
    double low = 1 / *least;
    double high = 1 / *greatest;
    double t = 0;
    for (int step = 0; step < 200; ++step) {
      const Cumulants k = at(t);
      (k.first < 0 ? low : high) = t;
      const double newton = t - k.first / k.second;
      const double next = newton > low && newton < high ? newton : (low + high) / 2;
      if (std::abs(next - t) <= 1e-13 * (high - low)) break;
      t = next;
    }
    const Cumulants k = at(t);
    const double r = std::copysign(std::sqrt(std::max(0.0, -2 * k.value)), t);
    if (std::abs(r) < 1e-6) return 0.5;
    const double u = t * std::sqrt(k.second);
    return 0.5 * std::erfc(-(r + std::log(u / r) / r) / std::sqrt(2.0));
  }
};

/// How often a value that no sample showed counts: 1 of an endless population (Clopper and
/// Pearson's), otherwise so that a sample of zeros gives the exact limit of a share, or one of the
/// population where that is less.
double weight_of_unseen(int64_t sampled, int64_t population, double per_value, double confidence) {
  if (population == endless) return 1;
  const double exact = std::max(share_limits(0, sampled, population, confidence).high,
                                1 / static_cast<double>(population));
  const double seen = per_value * static_cast<double>(sampled);
  double low = 0;
  double high = seen * exact / (1 - exact) + 1;
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    const GammaSum beta{{seen, middle}, {-exact, 1 - exact}};
    (beta.not_positive() > (1 + confidence) / 2 ? low : high) = middle;
  }
  return high;
}

/// The limit with the probability `beyond` above it; each of the sample counts as `per_value`.
double upper_limit(const std::map<double, int64_t>& values, double per_value, double unseen,
                   double beyond) {
  if (values.begin()->first >= 1) return 1;
  GammaSum sum;
  for (const auto& [value, count] : values) {
    sum.shapes.push_back(per_value * static_cast<double>(count));
  }
  sum.shapes.push_back(unseen);
  sum.factors.resize(sum.shapes.size());
  double low = values.begin()->first;
  double high = 1;
  for (int step = 0; step < 60 && high - low > 1e-12; ++step) {
    const double middle = (low + high) / 2;
    size_t j = 0;
    for (const auto& [value, count] : values) sum.factors[j++] = value - middle;
    sum.factors[j] = 1 - middle;
    (sum.not_positive() < 1 - beyond ? low : high) = middle;
  }
  return high;
}

}  // namespace

Estimate share_limits(int64_t found, int64_t sampled, int64_t population, double confidence) {
  assert(found >= 0 && found <= sampled && sampled > 0 && sampled <= population);
  const double beyond = (1 - confidence) / 2;
  const auto whole = static_cast<double>(population);
  const auto tail = [&](int64_t having, int64_t x) {
    return Hypergeometric{population, having, sampled}.at_least(x);
  };
  const int64_t least = first_that(found, population - sampled + found,
                                   [&](int64_t having) { return tail(having, found) > beyond; });
  // P(X <= found) falls: the first K with too little of it is one too many.
  const int64_t too_many = first_that(least, population - sampled + found + 1, [&](int64_t having) {
    return 1 - tail(having, found + 1) <= beyond;
  });
  const double share = static_cast<double>(found) / static_cast<double>(sampled);
  return {share, std::min(share, static_cast<double>(least) / whole),
          std::max(share, static_cast<double>(too_many - 1) / whole)};
}

Estimate mean_limits(const std::map<double, int64_t>& sample, int64_t population,
                     double confidence) {
  double sum = 0;
  int64_t sampled = 0;
  std::map<double, int64_t> mirrored;
  for (const auto& [value, count] : sample) {
    assert(value >= 0 && value <= 1 && count > 0);
    sum += value * static_cast<double>(count);
    sampled += count;
    mirrored[1 - value] += count;
  }
  assert(sampled > 0 && sampled <= population);
  const double mean = std::clamp(sum / static_cast<double>(sampled), 0.0, 1.0);
  if (sampled == population) return {mean, mean, mean};
  const double per_value = population == endless ? 1
                                                 : static_cast<double>(population - 1) /
                                                       static_cast<double>(population - sampled);
  const double beyond = (1 - confidence) / 2;
  const double unseen = weight_of_unseen(sampled, population, per_value, confidence);
  return {mean, std::min(mean, 1 - upper_limit(mirrored, per_value, unseen, beyond)),
          std::max(mean, upper_limit(sample, per_value, unseen, beyond))};
}

Estimate paired_loss(int64_t lost, int64_t gained, int64_t images, double confidence) {
  std::map<double, int64_t> sample;
  // 0: gained, 1/2: as before, 1: lost.
  if (gained > 0) sample[0] = gained;
  if (images > lost + gained) sample[0.5] = images - lost - gained;
  if (lost > 0) sample[1] = lost;
  const Estimate half = mean_limits(sample, endless, confidence);
  return {static_cast<double>(lost - gained) / static_cast<double>(images), 2 * half.low - 1,
          2 * half.high - 1};
}

}  // namespace stuckat::campaign
