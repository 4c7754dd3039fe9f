// The off-chip memory of systolic arrays with broken bits, alone and together with what is broken
// in the array that its weights are loaded into: simulator, reference, fast engine and trainer
// agree in every tensor.
#include <algorithm>
#include <string>
#include <vector>

#include "faultmaps/memory_faults.h"
#include "faultmaps/normal_form.h"
#include "faultmaps/weight_memory.h"
#include "models/systolic/family.h"
#include "tests/agree/agreement.h"
#include "tests/agree/systolic_faults.h"
#include "tests/agree/tiny_network.h"
#include "tests/support/catch.h"
#include "tests/support/random_graph.h"
#include "tests/support/random_systolic.h"

using namespace stuckat;

using test::Engines;
using test::Random;
using test::uniform;
using test::value_schedules;

namespace {

/// One more that has cycles alone: nothing in it breaks, but its memory does.
std::vector<std::string> schedules_with_memory() {
  auto schedules = value_schedules;
  schedules.emplace_back("is-serial");
  return schedules;
}

systolic::Systolic with_memory(Random& random, systolic::SystolicAccelerator a,
                               const Network& network) {
  a.memory = test::random_memory(random);
  if (test::refusal([&] { systolic::place(a, network); }) != "accepted") {
    a.sum_bits = a.accumulator_bits = 32;
  }
  return systolic::Systolic(a);
}

/// Up to so many bits of memory, most of them near each other, so that they meet in one parameter.
void break_memory(Random& random, const SiteIndex& sites, int count, FaultMap& map) {
  const SiteSpace& space = sites.of(weight_memory_kinds().parameter).front();
  int64_t site = 0;
  for (int i = 0; i < count; ++i) {
    site = i == 0 || uniform(random, 0, 3) == 0
               ? std::uniform_int_distribution<int64_t>(0, space.sites() - 1)(random)
               : std::min(site + uniform(random, 1, 3), space.sites() - 1);
    Fault fault = space.at(site);
    fault.value = uniform(random, 0, 1);
    test::add_fault(map, fault);
  }
}

/// Breaks registers that weights are in, and any others.
void break_array(Random& random, const SiteIndex& sites, int count, FaultMap& map) {
  const SystolicKinds& kinds = systolic_kinds();
  const SiteKind of_weights[] = {kinds.d, kinds.w0, kinds.w1, kinds.bypass, kinds.propagate};
  for (int i = 0; i < count; ++i) {
    Fault fault = test::random_fault(random, sites);
    for (int tries = 0; tries < 30 && uniform(random, 0, 2) != 0; ++tries) {
      if (std::find(std::begin(of_weights), std::end(of_weights), fault.kind) !=
          std::end(of_weights)) {
        break;
      }
      fault = test::random_fault(random, sites);
    }
    test::add_fault(map, fault);
  }
}

/// Effects of the map that those of its memory and of its array alone do not give.
bool meets(const FaultMap& map, const Placement& placement, const Network& network) {
  FaultMap alone[2] = {{map.accelerator, {}}, {map.accelerator, {}}};
  for (const Fault& fault : map.faults) {
    alone[site_row(fault.kind).is(off_chip) ? 0 : 1].faults.push_back(fault);
  }
  Effects sum = lower(alone[1], placement, network);
  const Effects memory = lower(alone[0], placement, network);
  if (sum.empty() || memory.empty()) return false;
  sum.patches.insert(sum.patches.end(), memory.patches.begin(), memory.patches.end());
  normalize(sum);
  return !(sum == lower(map, placement, network));
}

}  // namespace

TEST_CASE("every bit of the off-chip memory of a tiny systolic array agrees in all engines") {
  test::CheckedMaps checked;
  int beyond = 0;  // values that no quantizer emits
  for (const NumberFormat format : {binary_format, signed_format(2)}) {
    const Network network = test::tiny_network(format, 7, {3, 4});
    Random random(8);
    const auto images = test::random_images(random, network, 2);
    const auto schedules = schedules_with_memory();
    for (size_t s = 0; s < schedules.size(); ++s) {
      auto description = test::tiny_array(schedules[s], SystolicMapping::channel);
      if (s == 2) description.mapping = SystolicMapping::im2col;
      const systolic::Systolic array = with_memory(random, description, network);
      const Placement placement = array.place(network);
      const auto faults = all_faults(weight_memory_kinds().parameter, placement, network);
      constexpr size_t every = 7;
      for (size_t i = s; i < faults.size(); i += every * test::stride) {
        const FaultMap map{placement.accelerator, {faults[i]}};
        INFO(schedules[s]);
        checked.check(network, placement, map, images, array);
        for (const ParameterPatch& patch : lower(map, placement, network).patches) {
          const NumberFormat& weights = network.layer(patch.layer).weight_format;
          beyond += !patch.is_threshold && patch.value < weights.min_level() ? 1 : 0;
        }
      }
    }
  }
  CHECK(checked.refused == 0);
  CHECK(checked.with_effects > checked.all / 6);  // two values, and bits that fill up bytes
  if (test::stride == 1) CHECK(beyond > 20);
}

TEST_CASE("broken memory and a broken array act one after the other in all engines") {
  test::CheckedMaps checked;
  int64_t met = 0, graphs = 0;
  const auto schedules = schedules_with_memory();
  for (uint64_t seed = 0; seed < test::drawn; ++seed) {
    Random random(seed);
    const bool graph = seed % 4 == 3;
    const Network network = graph ? test::random_graph(random) : test::random_network(random);
    const std::string& schedule = schedules[seed % schedules.size()];
    const auto array = with_memory(random, test::random_systolic(random, schedule), network);
    const Placement placement = array.place(network);
    const SiteIndex sites(placement, network);
    FaultMap map{placement.accelerator, {}};
    break_memory(random, sites, uniform(random, 1, 200), map);
    break_array(random, sites, uniform(random, 0, 8), map);
    validate(map, placement, network, "test");
    INFO("seed " << seed << " " << schedule << " " << array.json(network));
    if (!checked.check(network, placement, map, test::random_images(random, network, 2), array,
                       graph ? Engines::no_trainer : Engines::all)) {
      continue;
    }
    for (const ParameterPatch& p : lower(map, placement, network).patches) {
      const Layer& layer = network.layer(p.layer);
      CHECK(p.value != (p.is_threshold ? layer.threshold_row(p.row)[p.index]
                                       : layer.weight_row(p.row)[p.index]));
    }
    met += meets(map, placement, network) ? 1 : 0;
    graphs += graph ? 1 : 0;
  }
  CHECK(checked.refused < checked.all / 4);
  CHECK(checked.with_effects > checked.all * 9 / 10);
  CHECK(met > checked.all / 4);
  CHECK(graphs > checked.all / 10);
}

TEST_CASE("transients of an array whose memory is broken agree in all engines") {
  test::CheckedMaps checked;
  for (uint64_t seed = 0; seed < test::drawn / 4; ++seed) {
    Random random(seed);
    const Network network = test::random_network(random);
    const std::string& schedule = value_schedules[seed % value_schedules.size()];
    const auto array = std::make_shared<systolic::Systolic>(
        with_memory(random, test::random_systolic(random, schedule), network));
    const auto images = test::random_images(random, network, 2);
    const Placement placement = place_on(array, network, 2);
    const SiteIndex sites(placement, network);
    FaultMap map = test::random_transients(random, placement, network, sites);
    break_memory(random, sites, 100, map);
    validate(map, placement, network, "test");
    INFO("seed " << seed << " " << schedule << " " << array->json(network));
    checked.check(network, placement, map, images, *array);
  }
  CHECK(checked.refused < checked.all / 3);
  CHECK((sanitized ? 20 : 10) * checked.hits > checked.flips);
}

TEST_CASE("chips with broken off-chip memory agree in all engines, unit by unit") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Random random(seed);
    const Network network = test::random_network(random);
    const std::string& schedule = value_schedules[seed % value_schedules.size()];
    const auto array = with_memory(random, test::random_systolic(random, schedule), network);
    const Placement placement = array.place(network);
    const SiteIndex sites(placement, network);
    const std::string unit = memory_unit_names()[seed / 4 % memory_unit_names().size()];
    const auto cell = static_cast<CellFault>(seed % 4);
    const FaultMap chip =
        MemoryChips({{weight_memory_kinds().parameter}, cell, unit, unit == "cell" ? 0.02 : 0.1},
                    sites, placement, network)
            .chip(seed);
    INFO("seed " << seed << " " << unit);
    test::check_agreement(network, array, chip, test::random_images(random, network, 2));
  }
}

TEST_CASE("arrays without off-chip memory have no sites in it, and their hash is what it was") {
  const Network network = test::tiny_network(binary_format, 7);
  const auto array = test::tiny_array("ws-double-buffered", SystolicMapping::channel);
  const Placement placement = systolic::place(array, network);
  CHECK(placement.others.size() == 1);
  CHECK(count_faults(weight_memory_kinds().parameter, placement, network) == 0);
}
