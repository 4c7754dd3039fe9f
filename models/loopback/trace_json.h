// A run as a trace (models/common/trace_writer.h).
#pragma once

#include <iosfwd>

#include "models/loopback/simulation.h"

namespace stuckat::loopback {

/// Images, layers, and what the array and memory do in them.
void write_trace(std::ostream& file, const LoopbackResult& result);

}  // namespace stuckat::loopback
