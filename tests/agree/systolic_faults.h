// What the tests of systolic arrays share: schedules, tiny arrays, faults drawn from all sites.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "faultmaps/lower.h"
#include "faultmaps/site_index.h"
#include "faultmaps/systolic_sites.h"
#include "faultmaps/timeline.h"
#include "models/systolic/accelerator.h"
#include "models/systolic/family.h"
#include "tests/agree/agreement.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "workloads/errors.h"
#include "workloads/sanitized.h"

namespace stuckat::test {

inline const std::vector<std::string> value_schedules = {"ws-double-buffered", "ws-overlapped",
                                                         "ws-serial", "os-drain", "os-multiply"};

inline bool is_systolic(const SiteRow& row) { return row.part == systolic_kinds().part; }

inline systolic::SystolicAccelerator tiny_array(const std::string& schedule,
                                                SystolicMapping mapping) {
  systolic::SystolicAccelerator a;
  a.name = "tiny";
  a.rows = 3;
  a.columns = 2;
  a.schedule = schedule;
  a.mapping = mapping;
  // 32 bits: all sums wrap alike, for which the fast engine has a way of its own.
  a.sum_bits = a.accumulator_bits = schedule == "ws-overlapped" ? 32 : 12;
  a.accumulator_depth = 7;
  return a;
}

inline Fault random_fault(Random& random, const SiteIndex& sites) {
  for (;;) {
    const auto& spaces = sites.spaces();
    const SiteSpace& space =
        spaces[static_cast<size_t>(uniform(random, 0, static_cast<int>(spaces.size()) - 1))];
    if (space.sites() == 0) continue;
    Fault fault = space.at(std::uniform_int_distribution<int64_t>(0, space.sites() - 1)(random));
    fault.value = space.values[static_cast<size_t>(
        uniform(random, 0, static_cast<int>(space.values.size()) - 1))];
    return fault;
  }
}

/// Adds it unless its site is broken already.
inline bool add_fault(FaultMap& map, const Fault& fault) {
  const auto same = [&](const Fault& other) {
    return other.kind == fault.kind && other.coordinates == fault.coordinates;
  };
  if (std::any_of(map.faults.begin(), map.faults.end(), same)) return false;
  map.faults.push_back(fault);
  return true;
}

/// Seven transients in the run of the placement, and two bits that are stuck: mostly such that what
/// they do together is exact.
inline FaultMap random_transients(Random& random, const Placement& placement,
                                  const Network& network, const SiteIndex& sites) {
  FaultMap map{placement.accelerator, {}};
  int tries = 10;
  while (map.faults.size() < 9) {
    Fault fault = random_fault(random, sites);
    const bool stuck = map.faults.size() > 6;
    if (!site_row(fault.kind).flips() && !stuck) continue;
    if (stuck && tries-- > 0) {
      FaultMap together = map;
      if (add_fault(together, fault) && !is_exact(together, placement, network)) continue;
    }
    if (!stuck) {
      fault.value = 0;
      fault.flip_cycle =
          std::uniform_int_distribution<int64_t>(0, placement.run->cycles() - 1)(random);
      // Not in a unified buffer.
      if (!is_exact({placement.accelerator, {fault}}, placement, network)) continue;
    }
    add_fault(map, fault);
  }
  return map;
}

/// Maps drawn for each test.
inline constexpr uint64_t drawn = sanitized ? 40 : 600;

/// Networks, arrays and maps of several permanent faults are drawn, and agree. network_of(random);
/// array_of(random, network, schedule) gives a systolic::Systolic; seen(network, array) of each map
/// with an exact effect.
template <typename NetworkOf, typename ArrayOf, typename Seen>
void check_drawn_faults(uint64_t maps, Engines engines, const NetworkOf& network_of,
                        const ArrayOf& array_of, const Seen& seen) {
  CheckedMaps checked;
  for (uint64_t seed = 0; seed < maps; ++seed) {
    Random random(seed);
    const Network network = network_of(random);
    const std::string& schedule = value_schedules[seed % value_schedules.size()];
    const systolic::Systolic array = array_of(random, network, schedule);
    const Placement placement = array.place(network);
    const SiteIndex sites(placement, network);
    FaultMap map{placement.accelerator, {}};
    const int count = uniform(random, 1, 12);
    for (int i = 0; i < count; ++i) add_fault(map, random_fault(random, sites));
    validate(map, placement, network, "test");
    INFO("seed " << seed << " " << schedule << " " << array.json(network));
    if (checked.check(network, placement, map, random_images(random, network, 2), array, engines)) {
      seen(network, array);
    }
  }
  CHECK(checked.refused < checked.all / 6);
  CHECK(checked.with_effects > checked.all / 2);
}

/// The same with transients; some of them have effects.
template <typename NetworkOf, typename ArrayOf>
void check_drawn_transients(uint64_t maps, Engines engines, const NetworkOf& network_of,
                            const ArrayOf& array_of) {
  CheckedMaps checked;
  for (uint64_t seed = 0; seed < maps; ++seed) {
    Random random(seed);
    const Network network = network_of(random);
    const std::string& schedule = value_schedules[seed % value_schedules.size()];
    const auto array = std::make_shared<systolic::Systolic>(array_of(random, network, schedule));
    const auto images = random_images(random, network, 2);
    const Placement placement = place_on(array, network, 2);
    const SiteIndex sites(placement, network);
    FaultMap map = random_transients(random, placement, network, sites);
    validate(map, placement, network, "test");
    INFO("seed " << seed << " " << schedule << " " << array->json(network));
    checked.check(network, placement, map, images, *array, engines);
  }
  CHECK(checked.refused < checked.all / 3);
  CHECK((sanitized ? 20 : 10) * checked.hits > checked.flips);
}

}  // namespace stuckat::test
