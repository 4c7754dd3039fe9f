// The faults of a list in a network of levels.
#pragma once

#include <memory>

#include "sim/fast/simulator_impl.h"

namespace stuckat::fast {

std::unique_ptr<FaultSimulator::Impl> make_level_simulator(const FaultList& faults, Path path);

}  // namespace stuckat::fast
