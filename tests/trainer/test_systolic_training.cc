// FAP and FAP+T: bypassed PEs of a systolic array prune weights, in every step of training and in
// what is evaluated (Zhang et al., VTS 2018).
#include <set>

#include "faultmaps/generators.h"
#include "faultmaps/lower.h"
#include "faultmaps/systolic_sites.h"
#include "faultmaps/weight_memory.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "trainer/fixed_faults.h"
#include "trainer/fleet/damage.h"
#include "trainer/hardware_faults.h"
#include "trainer/optimizer.h"
#include "trainer/step.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::trainer;
using test::Random;

namespace {

Placement array_for(const Network& network, int side) {
  SystolicArray array;
  array.rows = array.columns = side;
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    if (network.layer(i).has_weights()) array.layers.push_back(i);
  }
  Placement placement;
  placement.accelerator = "systolic:test";
  placement.others = {systolic_part(array)};
  return placement;
}

PeSet random_pes(Random& random, int pes, double share) {
  PeSet set(static_cast<size_t>(pes));
  for (size_t i = 0; i < set.size(); ++i) set[i] = std::bernoulli_distribution(share)(random);
  return set;
}

}  // namespace

TEST_CASE("a bypass map prunes the weights that pruned_weights() says, and no others") {
  Random random(3);
  Network network = zoo_network("cnv-w2a2", {0.25, 0, 10});
  for (Layer& layer : network.layers) {
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  const Placement placement = array_for(network, 16);
  const SystolicArray array = systolic_array_of(placement.others.front());
  for (const double share : {0.0, 0.01, 0.3, 1.0}) {
    const PeSet bypassed = random_pes(random, array.pes(), share);
    const Effects effects = lower(bypass_map(placement, bypassed), placement, network);
    CHECK(effects.size() == effects.patches.size());
    Network pruned = network;
    for (const ParameterPatch& p : effects.patches) {
      CHECK(p.value == 0);
      Layer& layer = pruned.layers[static_cast<size_t>(p.layer)];
      layer.weights[static_cast<size_t>(p.row * layer.columns() + p.index)] = 0;
    }
    for (const int index : array.layers) {
      Layer expected = network.layer(index);
      const auto mask = pruned_weights(array, expected, bypassed);
      for (size_t i = 0; i < mask.size(); ++i) {
        if (mask[i]) expected.weights[i] = 0;
      }
      CHECK(pruned.layer(index).weights == expected.weights);
    }
  }
}

TEST_CASE(
    "training with a bypass map keeps pruned weights at 0 in every step, and learns the rest") {
  Random random(4);
  const Network network = zoo_network("tfc-w2a2");
  Hardware hardware;
  hardware.placement = array_for(network, 32);
  const SystolicArray array = systolic_array_of(hardware.placement.others.front());
  const PeSet bypassed = random_pes(random, array.pes(), 0.25);
  hardware.chip = bypass_map(hardware.placement, bypassed);
  HardwareFaults faults(hardware, false, 1, network);
  Workers workers(1);
  TrainingStep step(network, {.faults = true}, workers);
  Model model = initial_model(network, 1);
  Adam adam(model);
  constexpr int batch = 64;
  std::vector<int8_t> input(block_count(batch) * block_elements(network.input()));
  std::vector<int> labels;
  for (int n = 0; n < batch; ++n) labels.push_back(n % network.classes());
  for (auto& value : input) value = test::uniform(random, 0, 1) == 0 ? -1 : 1;
  double first = 0, last = 0;
  constexpr int steps = 60;
  for (int i = 0; i < steps; ++i) {
    faults.draw(model, 0, static_cast<uint64_t>(i), batch);
    FixedFaults overlay(network, faults.common(), faults.of_samples());
    FaultOverlay* const overlays[] = {&overlay};
    const double loss = step.run(model, input.data(), labels, overlays).loss;
    (i == 0 ? first : last) = loss;
    adam.update(model, step.gradients(), 0.01, workers);
    // What the chip computes with: the exported network under its effects.
    Network exported = export_network(model);
    for (const ParameterPatch& p : faults.chip_effects(exported).patches) {
      Layer& layer = exported.layers[static_cast<size_t>(p.layer)];
      layer.weights[static_cast<size_t>(p.row * layer.columns() + p.index)] =
          static_cast<int8_t>(p.value);
    }
    int64_t others = 0;
    for (const int index : array.layers) {
      const Layer& layer = exported.layer(index);
      const auto mask = pruned_weights(array, layer, bypassed);
      for (size_t w = 0; w < mask.size(); ++w) {
        if (mask[w])
          REQUIRE(layer.weights[w] == 0);
        else
          others += layer.weights[w] != 0 ? 1 : 0;
      }
    }
    REQUIRE(others > 1000);
  }
  CHECK(last < 0.8 * first);
}

TEST_CASE("drawn bypass maps train, too: placement-aware FAT on a systolic array") {
  Hardware hardware;
  const Network network = zoo_network("tfc-w2a2");
  hardware.placement = array_for(network, 32);
  hardware.sites = {systolic_kinds().bypass};
  hardware.draw = Draw::batch;
  HardwareFaults faults(hardware, true, 1, network);
  const Model model = initial_model(network, 1);
  std::set<size_t> sizes;
  for (uint64_t step = 0; step < 5; ++step) {
    faults.draw(model, 20, step, 10);
    const size_t pruned = faults.common().patches.size();
    // A share of all weights that are not 0 already.
    CHECK(pruned > 3000);
    CHECK(pruned < 14000);
    sizes.insert(pruned);
    FixedFaults overlay(network, faults.common(), faults.of_samples());
  }
  CHECK(sizes.size() > 1);
}

TEST_CASE("drawn bits of off-chip memory train: what they read follows the weights") {
  Hardware hardware;
  const Network network = zoo_network("tfc-w2a2");
  hardware.placement = array_for(network, 32);
  WeightMemory memory;
  for (int l = 0; l < static_cast<int>(network.layers.size()); ++l) {
    const Layer& layer = network.layer(l);
    memory.tiles.push_back({l, 0, layer.rows(), 0, layer.columns(), true, memory.bytes});
    memory.bytes += layer.columns() * ((layer.rows() * layer.weight_format.bits + 7) / 8);
    memory.bytes += (layer.rows() * layer.thresholds_per_row() * layer.threshold_bits() + 7) / 8;
  }
  hardware.placement.others.push_back(weight_memory_part(memory));
  hardware.sites = {weight_memory_kinds().parameter};
  hardware.draw = Draw::batch;
  HardwareFaults faults(hardware, true, 1, network);
  for (const uint64_t seed : {1u, 2u, 3u}) {
    const Model model = initial_model(network, seed);
    const Network exported = export_network(model);
    faults.draw(model, 1, 7, 10);  // the same faults each time
    const Effects& drawn = faults.common();
    CHECK(drawn.patches.size() > 100);
    CHECK(drawn.size() == drawn.patches.size());
    // A fault is a patch where the bit differs: each reads as another value than what is stored.
    for (const ParameterPatch& p : drawn.patches) {
      const Layer& layer = exported.layer(p.layer);
      CHECK(p.value != (p.is_threshold ? layer.threshold_row(p.row)[p.index]
                                       : layer.weight_row(p.row)[p.index]));
    }
    FixedFaults overlay(network, faults.common(), faults.of_samples());
  }
  // A known chip, with a PE that is bypassed: after memory.
  HardwareFaults chip({.placement = hardware.placement,
                       .chip = {hardware.placement.accelerator,
                                {{weight_memory_kinds().parameter, "weights", {0, 1, 0, 0}, 1},
                                 {weight_memory_kinds().parameter, "weights", {64, 1, 0, 0}, 1},
                                 {systolic_kinds().bypass, "array", {0, 0, 0, 0}, 1}}}},
                      false, 1, network);
  const Model model = initial_model(network, 4);
  chip.draw(model, 0, 0, 1);
  CHECK(chip.common() == chip.chip_effects(export_network(model)));
  CHECK_FALSE(chip.common().empty());
}

TEST_CASE("a bypassed PE prunes weights that are 0 today and may not be tomorrow") {
  Random random(5);
  Network network = zoo_network("tfc-w2a2", {.width = 0.25});
  for (Layer& layer : network.layers) test::fill_parameters(layer, random);
  const Placement placement = array_for(network, 8);
  const FaultMap map = exact_map({systolic_kinds().bypass}, 3, 1, SiteIndex(placement, network));
  const Damage damage = damage_of(map, placement, 1);
  CHECK_FALSE(damage.depends_on_parameters);
  const Effects effects = damage.effects(network, 1);
  CHECK(only_prunes(effects));
  Network zero = network;
  for (Layer& layer : zero.layers) std::fill(layer.weights.begin(), layer.weights.end(), int8_t{0});
  CHECK(damage.effects(zero, 1) == effects);
  CHECK(lower(map, placement, zero).empty());
}
