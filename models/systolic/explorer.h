// Systolic arrays in an exploration: shapes, schedules, clocks.
#pragma once

#include <memory>
#include <vector>

#include "models/explore/explorer.h"

namespace stuckat::systolic {

/// --systolic, --schedules.
std::vector<explore::SweepOption> sweep_options();

/// Throws InputError on values that mean nothing. `network` outlives it.
std::unique_ptr<explore::Explorer> explorer(const explore::SweepValues& values,
                                            const Network& network);

}  // namespace stuckat::systolic
