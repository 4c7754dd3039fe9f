// Lowering: the only place where hardware faults become tensor effects.
#pragma once

#include "faultmaps/effects.h"
#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "workloads/network.h"

namespace stuckat {

/// The exact effects of a validated map. Throws InputError for a fault that no effect expresses
/// exactly. A PE dead at level v: its channels stuck at v; where the layer passes its accumulator
/// out, at accumulator_min() for the lowest level, accumulator_max() for the greatest, linear and
/// rounded down in between.
/// The effects of flips hit the images of placement.run by their index; a flip without a run throws
/// InputError.
Effects lower(const FaultMap& map, const Placement& placement, const Network& network);

/// Throws InputError for a threshold, comparator or output of an array whose thresholds are a part
/// of their own, where that has other rows at once than the array, or the fault is a transient:
/// neither models nor effects know of those. lower() asks it, and models when they arm.
void refuse_apart(const Fault& fault, const Placement& placement);
/// Throws InputError for a transient in an output register that drives wires: when a result leaves
/// is for the next part to say.
void refuse_on_wires(const Fault& fault, bool wires, const Placement& placement);

/// What the last layer's accumulator reads when its PE is dead at `level` (see lower()).
int32_t dead_accumulator(const Layer& layer, int level);

}  // namespace stuckat
