// A run as a trace for Perfetto (ui.perfetto.dev) or chrome://tracing: Trace Event Format, JSON
// object form. A cycle is a microsecond.
#pragma once

#include <iosfwd>
#include <vector>

#include "models/dataflow/chain.h"
#include "models/dataflow/trace.h"
#include "models/loopback/simulation.h"

namespace stuckat::cli {

/// Words closer together than this are one slice; a FIFO shows its fullest moment of as many
/// cycles.
inline constexpr int64_t trace_resolution = 64;

/// streams: [chain.streams]. Parts: a slice for each image, from the first word that it reads to
/// the last one it writes, and in it slices in which words move; layers: a slice for each image;
/// FIFOs: words in store.
void write_trace(std::ostream& file, const dataflow::Chain& chain,
                 const std::vector<dataflow::StreamTrace>& streams);

/// Images, layers, and what the array does in them.
void write_trace(std::ostream& file, const loopback::LoopbackResult& result);

}  // namespace stuckat::cli
