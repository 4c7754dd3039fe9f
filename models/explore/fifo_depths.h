// The smallest FIFOs that cost no speed.
#pragma once

#include "models/explore/timing_cache.h"

namespace stuckat::explore {

inline constexpr int roomy_depth = 512;

/// Depths as small as they can be at the steady interval that FIFOs of `roomy` words allow:
/// one less in any of them, and images follow each other more slowly. Deeper FIFOs never slow a
/// pipeline down, so each depth is found by bisection while the others stay, one after the other,
/// and those found first need not be looked at again.
dataflow::DataflowAccelerator smallest_depths(TimingCache& cache,
                                              const dataflow::DataflowAccelerator& accelerator,
                                              const Network& network, int roomy = roomy_depth);

}  // namespace stuckat::explore
