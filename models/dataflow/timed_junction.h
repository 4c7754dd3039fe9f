// Forks and joins of streams in the timing-only engine: junction_module.h between FIFOs of times.
#pragma once

#include <memory>
#include <vector>

#include "models/dataflow/timed_part.h"

namespace stuckat::dataflow {

/// Words that a concat reads in turn from each input, [inputs]; none: one word of each in a step.
using Turns = std::vector<int>;

/// The steps of the program all write. The arguments outlive the part, but for the turns.
std::unique_ptr<TimedPart> timed_junction(const LoopProgram& program, std::vector<TimedFifo*> ins,
                                          std::vector<TimedFifo*> outs, Turns turns,
                                          const int64_t* images, const int64_t* admitted);

}  // namespace stuckat::dataflow
