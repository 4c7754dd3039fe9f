// What a family's accelerator has besides, if copies with voters and memories with codes are
// hardware in its cycle-level model. Those of other families run what is left of the faults behind
// them.
#pragma once

#include <vector>

#include "models/accelerator.h"

namespace stuckat {

class HasHardwareProtection {
 public:
  virtual ~HasHardwareProtection() = default;

  /// As Accelerator::simulate(). `placement`: that of place(), and on it what add_redundancy() and
  /// encode() add; the map is of it.
  virtual SimulationResult simulate_protected(const Network& network, const Placement& placement,
                                              const FaultMap& map,
                                              const std::vector<Tensor>& images,
                                              const Recording& recording) const = 0;
};

}  // namespace stuckat
