// Lowering: the only place where hardware faults become tensor effects.
#pragma once

#include "faultmaps/effects.h"
#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "faultmaps/timeline.h"
#include "workloads/network.h"

namespace stuckat {

/// The exact effects of a validated map. Throws InputError for a fault that no effect expresses
/// exactly. A PE dead at level v: its channels stuck at v; where the layer passes its accumulator
/// out, at accumulator_min() for the lowest level, accumulator_max() for the greatest, linear and
/// rounded down in between.
/// `timeline`: of the run that the map's flips are in; a flip without one throws InputError. The
/// effects of flips hit the images of that run by their index.
Effects lower(const FaultMap& map, const Placement& placement, const Network& network,
              const Timeline* timeline = nullptr);

/// What the last layer's accumulator reads when its PE is dead at `level` (see lower()).
int32_t dead_accumulator(const Layer& layer, int level);

}  // namespace stuckat
