// Parameters written for known broken cells: fault-aware quantization (FAQ).
#pragma once

#include <cstdint>

#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "workloads/network.h"

namespace stuckat {

struct Recoded {
  Network network;       ///< what to write: its fault-free logits differ, those on the chip count
  int64_t broken = 0;    ///< weights and thresholds that read wrongly as they were
  int64_t restored = 0;  ///< of them, those that read right now
  int64_t nearer = 0;    ///< of them, those that read nearer to what is wanted, but not right
};

/// Each weight (and threshold) whose cell has stuck bits becomes the level (the threshold in its
/// range) that reads nearest to it; of equals the nearest itself, then the lower one. Others stay.
/// Faults of other sites, and transients, are left as they are. `map`: validated, of sites without
/// protection.
Recoded recode(const Network& network, const FaultMap& map, const Placement& placement);

}  // namespace stuckat
