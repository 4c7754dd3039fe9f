// Run control: runs an elaborated design until nothing moves, and says why if it is not done.
#pragma once

#include <string>
#include <vector>

#include "sim/kernel/stage.h"

namespace stuckat::kernel {

/// False once a design was elaborated and run in this process: SystemC allows one (error E529).
bool can_elaborate();

/// Runs until no stage can go on. Returns "" if all are done, else the deadlock: which stage waits
/// for which stream, one after the other, separated by "; ", and which depths would do (each as
/// small as it can be beside the others), or that none would. The design is then of no further use.
std::string run_until_quiet(const std::vector<Stage*>& stages);

}  // namespace stuckat::kernel
