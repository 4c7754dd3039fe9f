// The statistics of a run that has come to its end.
#pragma once

#include <vector>

#include "models/dataflow/chain.h"
#include "models/dataflow/timed_part.h"
#include "models/dataflow/timing.h"

namespace stuckat::dataflow {

/// Of `images` images that arrived in these cycles; without `occupancy` streams have their words
/// alone.
DataflowTiming statistics(const Chain& chain, int64_t images, const TimedParts& parts,
                          std::vector<TimedFifo>& fifos, const std::vector<int64_t>& arrivals,
                          bool occupancy);

}  // namespace stuckat::dataflow
