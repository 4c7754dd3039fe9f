#include "sim/campaign/sampling.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <random>
#include <unordered_set>

#include "sim/campaign/fault_source.h"
#include "workloads/errors.h"

namespace stuckat::campaign {
namespace {

void check(const Sampling& options) {
  if (!(options.margin > 0 && options.margin < 1)) {
    throw InputError("margin", std::to_string(options.margin), "between 0 and 1, such as 0.01");
  }
  if (!(options.confidence > 0 && options.confidence < 1)) {
    throw InputError("confidence", std::to_string(options.confidence),
                     "between 0 and 1, such as 0.99");
  }
}

/// Uniform in 0 .. end-1, the same on every machine: what lies in the incomplete last part of the
/// generator's range is drawn again.
int64_t below(std::mt19937_64& random, int64_t end) {
  const auto n = static_cast<uint64_t>(end);
  const uint64_t limit = ~uint64_t{0} - ~uint64_t{0} % n;
  uint64_t value = random();
  while (value >= limit) value = random();
  return static_cast<int64_t>(value % n);
}

/// `count` of 0 .. population-1, ascending (Floyd's algorithm: no loop over the population).
std::vector<int64_t> draw(int64_t population, int64_t count, std::mt19937_64& random) {
  std::unordered_set<int64_t> drawn;
  for (int64_t last = population - count; last < population; ++last) {
    const int64_t candidate = below(random, last + 1);
    if (!drawn.insert(candidate).second) drawn.insert(last);
  }
  std::vector<int64_t> result(drawn.begin(), drawn.end());
  std::sort(result.begin(), result.end());
  return result;
}

/// Some faults of another set.
class SampledSource : public FaultSet::Source {
 public:
  SampledSource(std::shared_ptr<const Source> whole, const Sampling& options)
      : whole_(std::move(whole)) {
    placement_hash_ = whole_->placement_hash();
    accelerator_hash_ = whole_->accelerator_hash();
    run_images_ = whole_->run_images();
    std::mt19937_64 random(options.seed);
    for (const Stratum& s : whole_->strata()) {
      const int64_t count = sample_size(s.count, options.margin, options.confidence);
      strata_.push_back({s.name, s.layer, size(), count, s.count});
      for (const int64_t i : draw(s.count, count, random)) indices_.push_back(s.first + i);
    }
  }

  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  FaultInfo info(int64_t index) const override { return whole_->info(at(index)); }
  Effects effects(int64_t index) const override { return whole_->effects(at(index)); }
  std::vector<std::string> parts(int64_t index) const override { return whole_->parts(at(index)); }
  std::vector<Fault> faults(int64_t index) const override { return whole_->faults(at(index)); }
  void hash_parts(int64_t index, Hasher& hasher) const override {
    whole_->hash_parts(at(index), hasher);
  }

 private:
  int64_t at(int64_t index) const { return indices_[static_cast<size_t>(index)]; }

  std::shared_ptr<const Source> whole_;
  std::vector<int64_t> indices_;
};

}  // namespace

double two_sided_quantile(double confidence) {
  // erf rises: halve the interval until it is as small as a double can say.
  double low = 0;
  double high = 40;
  for (int step = 0; step < 200; ++step) {
    const double middle = (low + high) / 2;
    (std::erf(middle / std::sqrt(2.0)) < confidence ? low : high) = middle;
  }
  return (low + high) / 2;
}

int64_t sample_size(int64_t population, double margin, double confidence) {
  check({margin, confidence, 0});
  if (population <= 1) return population;
  constexpr double p = 0.5;
  const double t = two_sided_quantile(confidence);
  const auto n = static_cast<double>(population);
  const double size = n / (1 + margin * margin * (n - 1) / (t * t * p * (1 - p)));
  return std::min(population, static_cast<int64_t>(std::ceil(size)));
}

FaultSet sample(const FaultSet& faults, const Sampling& options) {
  check(options);
  if (faults.sampling()) {
    throw InputError(faults.spec(), "is a sample already", "faults of which none was left out");
  }
  return {faults.spec(), std::make_shared<const SampledSource>(faults.source(), options), options};
}

Estimate combine(const std::vector<Estimate>& strata, const std::vector<double>& weights) {
  assert(strata.size() == weights.size());
  Estimate result;
  double below_squared = 0;
  double above_squared = 0;
  for (size_t h = 0; h < strata.size(); ++h) {
    result.value += weights[h] * strata[h].value;
    below_squared += std::pow(weights[h] * (strata[h].value - strata[h].low), 2);
    above_squared += std::pow(weights[h] * (strata[h].high - strata[h].value), 2);
  }
  result.low = std::max(0.0, result.value - std::sqrt(below_squared));
  result.high = std::min(1.0, result.value + std::sqrt(above_squared));
  return result;
}

}  // namespace stuckat::campaign
