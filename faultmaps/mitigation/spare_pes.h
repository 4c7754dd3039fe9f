// Spare PEs of a chip: which PEs of it are broken, and what is left when some are mapped out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/mitigation/protection.h"
#include "faultmaps/placement.h"
#include "workloads/network.h"

namespace stuckat {

/// All that is broken in one PE of an array and in its memories.
struct FaultyPe {
  std::string array;
  int pe = 0;
  FaultMap faults;

  bool operator==(const FaultyPe&) const = default;
};

/// By array in the order of the placement, then by PE. Faults of other parts are not in it.
std::vector<FaultyPe> faulty_pes(const FaultMap& map, const Placement& placement);

/// What acts when `mapped_out` do their work on spares that are whole: behind_protection() with
/// them as its spares. Throws as that does.
FaultMap behind_spares(const FaultMap& map, const std::vector<FaultyPe>& mapped_out,
                       const Placement& placement, const Network& network);

/// What so many spares take in each array, no more than it has PEs.
ProtectionCost cost_of_spares(int spares, const Placement& placement, const Network& network);

}  // namespace stuckat
