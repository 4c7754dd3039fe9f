// The resilience map: accuracy over rate of faults and amount of retraining, and E(f) from it
// (Reduce, Hanif and Shafique, DATE 2023; docs/fleets.md). In HDF5 (trainer/fleet/FORMAT.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faultmaps/grouping/resilience_curve.h"

namespace stuckat::trainer {

struct ResilienceMap {
  std::string configuration;     ///< all that decides the numbers, as JSON
  double deployed = 0;           ///< accuracy of the network on the healthy chip, as all accuracies
                                 ///< 0 .. 1, on validation images
  std::vector<double> rates;     ///< asked for, ascending
  int repeats = 1;               ///< maps of each rate
  std::vector<int64_t> amounts;  ///< images of retraining, ascending, from 0

  // [rate][repeat], flat
  std::vector<double> drawn;    ///< what the map came to, by the measure of the lot
  std::vector<int64_t> images;  ///< that its run saw: less than the last amount where it could stop
  std::vector<uint8_t> done;    ///< 1 where the run is complete
  /// [rate][repeat][amount]; NaN after the end of the run.
  std::vector<double> accuracy;

  size_t runs() const { return rates.size() * static_cast<size_t>(repeats); }
  double accuracy_at(size_t run, size_t amount) const {
    return accuracy[run * amounts.size() + amount];
  }
  bool complete() const;
  /// What it has cost: images of all runs.
  int64_t cost() const;
};

/// Nothing done. Throws InputError for rates, repeats or amounts out of range.
ResilienceMap empty_resilience_map(std::string configuration, double deployed,
                                   std::vector<double> rates, int repeats,
                                   std::vector<int64_t> amounts);

/// E(f) for a constraint on accuracy. [choice] A run needs the first amount at which it meets the
/// constraint; a rate that of the quantile over its runs (1: all of them meet it; 0.5: the lower
/// median); f_max is the last rate before the first that has none; amounts are made to rise with f
/// by isotonic regression (pool adjacent violators, equal weights), rounded up to images. A rate is
/// the mean of what was drawn. Throws InputError if the map is not complete or the quantile not
/// within 0 .. 1.
grouping::ResilienceCurve resilience_curve(const ResilienceMap& map, double constraint,
                                           double quantile);

/// Least squares among sequences that do not fall, equal weights.
std::vector<double> isotonic(const std::vector<double>& values);

void write_resilience_map(const std::string& path, const ResilienceMap& map);
ResilienceMap read_resilience_map(const std::string& path);

/// What two configurations do not have in common, by name: "rates, seed".
std::string differing(const std::string& configuration, const std::string& other);

/// The parts of shards as one. Throws InputError for maps of other configurations, or a run that is
/// in two of them and differs.
ResilienceMap merge_resilience_maps(const std::vector<ResilienceMap>& parts);

}  // namespace stuckat::trainer
