// Loopback arrays in an exploration: shapes, memory bandwidths, clocks.
#pragma once

#include <memory>
#include <vector>

#include "models/explore/explorer.h"

namespace stuckat::loopback {

/// --arrays, --bandwidth.
std::vector<explore::SweepOption> sweep_options();

/// Throws InputError on values that mean nothing. `network` outlives it.
std::unique_ptr<explore::Explorer> explorer(const explore::SweepValues& values,
                                            const Network& network);

}  // namespace stuckat::loopback
