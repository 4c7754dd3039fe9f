// Fault collapsing. Inside sim/campaign only.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/campaign/fault_set.h"
#include "workloads/network.h"

namespace stuckat::campaign {

/// Of each fault of the set: Result::representatives. Depends on the network and the set alone,
/// whatever part of either was simulated.
std::vector<int32_t> representatives(const Network& network, const FaultSet& faults);

}  // namespace stuckat::campaign
