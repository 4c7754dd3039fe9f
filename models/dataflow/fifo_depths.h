// The smallest FIFOs that cost no speed.
#pragma once

#include "models/dataflow/timing_cache.h"

namespace stuckat::dataflow {

inline constexpr int roomy_depth = 512;

/// Depths as small as they can be at the steady interval that FIFOs of `roomy` words allow:
/// one less in any of them, and images follow each other more slowly. Deeper FIFOs never slow a
/// pipeline down, so each depth is found by bisection while the others stay, one after the other,
/// and those found first need not be looked at again. (MVUs in RTL are not known to be so, see
/// timed_chain.h: with them the interval is as said, but fewer words might do.) None becomes less
/// than `least`.
DataflowAccelerator smallest_depths(TimingCache& cache, const DataflowAccelerator& accelerator,
                                    const Network& network, int roomy = roomy_depth, int least = 1);

}  // namespace stuckat::dataflow
