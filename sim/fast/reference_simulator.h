// The faults of a list in a network that the engine's kernels do not hold (formats of more than 8
// bits): the faulty reference, layer by layer from where something differs.
#pragma once

#include <memory>

#include "sim/fast/simulator_impl.h"

namespace stuckat::fast {

std::unique_ptr<FaultSimulator::Impl> make_reference_simulator(const FaultList& faults);

}  // namespace stuckat::fast
