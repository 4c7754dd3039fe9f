// Dataflow accelerators in an exploration: foldings, FIFO depths, clocks.
#pragma once

#include <memory>
#include <vector>

#include "models/explore/explorer.h"

namespace stuckat::dataflow {

/// --foldings, --fps, --fifo.
std::vector<explore::SweepOption> sweep_options();

/// Throws InputError on values that mean nothing. `network` outlives it.
std::unique_ptr<explore::Explorer> explorer(const explore::SweepValues& values,
                                            const Network& network);

}  // namespace stuckat::dataflow
