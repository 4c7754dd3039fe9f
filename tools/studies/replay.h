// One fault of a campaign on hardware again, so that the cycle-level model can run it.
#pragma once

#include "models/family.h"
#include "sim/campaign/fault_set.h"

namespace stuckat::studies {

/// A network, and the accelerator that a campaign's faults are in: null, with an empty placement,
/// where they name no hardware.
struct CampaignHardware {
  const Network& network;
  AcceleratorPtr accelerator;
  const Placement& placement;
};

/// The hardware with fault `fault` of the set in it. A stuck channel or pixel names no hardware: it
/// is on that of the first family that has some for it. Throws InputError.
BrokenHardware broken_hardware(const Families& families, const CampaignHardware& hardware,
                               const campaign::FaultSet& faults, int64_t fault);

}  // namespace stuckat::studies
