// Measuring a resilience map: many short retrainings from the deployed network, killed and resumed
// at any moment, on one machine or several.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "trainer/fleet/damage.h"
#include "trainer/fleet/resilience_map.h"
#include "trainer/fleet/retrain_options.h"
#include "trainer/model.h"
#include "trainer/workers.h"
#include "workloads/dataset.h"
#include "workloads/permutation.h"
#include "workloads/shard.h"

namespace stuckat::trainer {

/// What is retrained, and on what.
struct Deployed {
  const Network& network;  ///< as it is deployed
  const Model& start;      ///< the same, with latent weights
  const DataSet& train;
  const DataSet& validation;
};

/// What retraining goes on from: deployed.start; of the deployed network in another order of
/// channels start_model().
Model start_in_order(const Deployed& deployed, const Network& network, Workers& workers);

/// A chip of some rate of faults; what it does, and what it comes to by the measure of the lot.
struct DrawnChip {
  Damage damage;
  double rate = 0;
  ChannelOrders orders = {};  ///< of the deployed network, around what is broken
};
/// A function of its arguments alone. seed: one for each run of the map.
using DrawChip = std::function<DrawnChip(double rate, uint64_t seed)>;

struct ResilienceOptions {
  std::vector<double> rates;
  int repeats = 3;
  std::vector<int64_t> amounts;  ///< images, ascending, from 0; whole batches
  /// A run ends when it has this accuracy: no constraint up to it needs more. 0: it never does.
  double enough = 0;
  RetrainOptions retrain;
  uint64_t seed = 1;  ///< of the chips
  std::string chips;  ///< what draws them, for the configuration
  Shard shard;        ///< run number i of the map is done by shard i mod count <= runs
};

struct ResilienceProgress {
  int64_t runs = 0;    ///< of this shard
  int64_t done = 0;    ///< of them
  int64_t images = 0;  ///< trained, of the run at hand
};

/// Throws InputError for options out of range; train: what is retrained on.
void check(const ResilienceOptions& options, const DataSet& train);

/// As resilience maps record it.
std::string configuration(const Deployed& deployed, const ResilienceOptions& options);

/// What a measurement of that configuration goes on with: the map at `path`, or nothing where no
/// file is. Throws InputError for a file of another configuration.
std::optional<ResilienceMap> begun_map(const std::string& path, const std::string& configuration);

/// The map at `path`, with all runs of the shard done: begun, or gone on with. The file is written
/// after each run, and is the same, byte for byte, however often it was killed, on any number of
/// threads; of several shards it is merge_resilience_maps() that gives the whole. go_on is asked
/// after each batch; false stops, and the map that comes back is not complete. Throws InputError
/// as check() and begun_map() do.
ResilienceMap run_resilience(const std::string& path, const Deployed& deployed,
                             const DrawChip& draw, const ResilienceOptions& options,
                             Workers& workers,
                             const std::function<bool(const ResilienceProgress&)>& go_on = {});

}  // namespace stuckat::trainer
