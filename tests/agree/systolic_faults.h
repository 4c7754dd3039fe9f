// What the tests of systolic arrays share: schedules, tiny arrays, faults drawn from all sites.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "faultmaps/lower.h"
#include "faultmaps/site_index.h"
#include "faultmaps/systolic_sites.h"
#include "faultmaps/timeline.h"
#include "models/systolic/accelerator.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "workloads/errors.h"
#include "workloads/sanitized.h"

namespace stuckat::test {

inline const std::vector<std::string> value_schedules = {"ws-double-buffered", "ws-overlapped",
                                                         "ws-serial", "os-drain", "os-multiply"};

inline bool is_systolic(const SiteRow& row) { return row.part == systolic_kinds().part; }

/// True if the fault map has an exact effect.
inline bool is_exact(const FaultMap& map, const Placement& placement, const Network& network) {
  try {
    lower(map, placement, network);
  } catch (const InputError& error) {
    CHECK_THAT(error.what(), Catch::Contains("no exact effect"));
    return false;
  }
  return true;
}

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

/// Seven transients in the run of the placement, and two bits that are stuck.
inline FaultMap random_transients(Random& random, const Placement& placement,
                                  const SiteIndex& sites) {
  FaultMap map{placement.accelerator, {}};
  while (map.faults.size() < 9) {
    Fault fault = random_fault(random, sites);
    const bool stuck = map.faults.size() > 6;
    if (!site_row(fault.kind).flips() && !stuck) continue;
    if (!stuck) {
      fault.value = 0;
      fault.flip_cycle =
          std::uniform_int_distribution<int64_t>(0, placement.run->cycles() - 1)(random);
    }
    add_fault(map, fault);
  }
  return map;
}

/// Maps drawn for each test.
inline constexpr uint64_t drawn = sanitized ? 100 : 600;

}  // namespace stuckat::test
