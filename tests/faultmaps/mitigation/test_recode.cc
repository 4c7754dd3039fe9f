#include <cstdlib>

#include "faultmaps/lower.h"
#include "faultmaps/mitigation/recode.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "tests/support/random_placement.h"

using namespace stuckat;

namespace {

/// The weights and thresholds that the chip reads, by the lowering.
Network as_read(const Network& network, const FaultMap& map, const Placement& placement) {
  Network result = network;
  for (const ParameterPatch& patch : lower(map, placement, network).patches) {
    Layer& layer = result.layers[static_cast<size_t>(patch.layer)];
    if (patch.is_threshold) {
      layer.thresholds[static_cast<size_t>(patch.row * layer.thresholds_per_row() + patch.index)] =
          patch.value;
    } else {
      layer.weights[static_cast<size_t>(patch.row) * static_cast<size_t>(layer.columns()) +
                    static_cast<size_t>(patch.index)] = static_cast<int8_t>(patch.value);
    }
  }
  return result;
}

/// Many stuck bits of memories, several in a word among them.
FaultMap memory_faults(test::Random& random, const Placement& placement, const Network& network) {
  FaultMap map{placement.accelerator, {}};
  for (const SiteKind kind : {SiteKind::pe_weight, SiteKind::pe_threshold, SiteKind::array_weight,
                              SiteKind::array_threshold}) {
    for (int64_t i = 0; i < count_faults(kind, placement, network); i += 2) {
      if (test::uniform(random, 0, 2) > 0) continue;
      map.faults.push_back(fault_at(kind, i + test::uniform(random, 0, 1), placement, network));
    }
  }
  validate(map, placement, network, "test");
  return map;
}

}  // namespace

TEST_CASE("a recoded weight reads as near as any code that its broken cell can hold") {
  int64_t restored = 0;
  int64_t nearer = 0;
  int64_t stuck = 0;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const Placement placement = seed % 2 == 0 ? test::random_dataflow_placement(random, network)
                                              : test::random_loopback_placement(random, network);
    const FaultMap map = memory_faults(random, placement, network);
    const Recoded recoded = recode(network, map, placement);
    validate(recoded.network, "recoded");
    const Network before = as_read(network, map, placement);
    const Network after = as_read(recoded.network, map, placement);
    // Brute force: a network whose weights are all the same level, read by the chip, for each
    // level.
    int64_t broken = 0;
    for (size_t l = 0; l < network.layers.size(); ++l) {
      const Layer& layer = network.layers[l];
      if (!layer.has_weights()) continue;
      std::vector<Network> written;
      for (int i = 0; i < layer.weight_format.levels(); ++i) {
        Network all = network;
        for (auto& w : all.layers[l].weights) w = static_cast<int8_t>(layer.weight_format.level(i));
        written.push_back(as_read(all, map, placement));
      }
      for (size_t w = 0; w < layer.weights.size(); ++w) {
        const int wanted = layer.weights[w];
        int best = 1000;
        for (const Network& all : written) {
          best = std::min(best, std::abs(all.layers[l].weights[w] - wanted));
        }
        CHECK(std::abs(after.layers[l].weights[w] - wanted) == best);
        const bool wrong = before.layers[l].weights[w] != wanted;
        broken += wrong ? 1 : 0;
        if (!wrong) CHECK(recoded.network.layers[l].weights[w] == wanted);
        stuck += wrong && best > 0 ? 1 : 0;
      }
      for (size_t t = 0; t < layer.thresholds.size(); ++t) {
        const int wanted = layer.thresholds[t];
        const int was = std::abs(before.layers[l].thresholds[t] - wanted);
        CHECK(std::abs(after.layers[l].thresholds[t] - wanted) <= was);
        broken += was != 0 ? 1 : 0;
      }
    }
    CHECK(recoded.broken == broken);
    restored += recoded.restored;
    nearer += recoded.nearer;
  }
  CHECK(restored + nearer > 50);
  CHECK(stuck > 50);
}

TEST_CASE("nothing is recoded for faults of other sites") {
  test::Random random(2);
  const Network network = test::random_network(random);
  const Placement placement = test::random_dataflow_placement(random, network);
  const Fault fault = fault_at(SiteKind::pe_accumulator, 0, placement, network);
  const Recoded recoded = recode(network, {placement.accelerator, {fault}}, placement);
  CHECK(recoded.network == network);
  CHECK(recoded.broken == 0);
}
