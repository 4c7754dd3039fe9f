// A part of the timing-only engine that runs a loop program.
#pragma once

#include <memory>

#include "models/dataflow/loop_program.h"
#include "models/dataflow/timed_part.h"

namespace stuckat::dataflow {

/// The arguments outlive it, as TimedPart says.
std::unique_ptr<TimedPart> timed_loop(const LoopProgram& program, TimedFifo* in, TimedFifo* out,
                                      const int64_t* images, const int64_t* admitted);

}  // namespace stuckat::dataflow
