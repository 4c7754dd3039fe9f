// A timing as text, for messages and comparisons.
#pragma once

#include <sstream>
#include <string>

#include "models/dataflow/timing.h"

namespace stuckat::test {

/// What engine and SystemC run both know.
inline std::string text(const dataflow::DataflowTiming& t) {
  std::ostringstream out;
  out << "arrivals";
  for (const int64_t arrival : t.arrival_cycles) out << ' ' << arrival;
  out << " first " << t.first_image_cycles << " total " << t.total_cycles << " bottleneck "
      << t.bottleneck << '\n';
  for (const ModuleStatistics& m : t.modules) {
    out << m.name << " busy " << m.busy_cycles << " starved " << m.starved_cycles << " blocked "
        << m.blocked_cycles << " idle " << m.idle_cycles << '\n';
  }
  for (const StreamStatistics& s : t.streams) {
    out << s.name << " depth " << s.depth << " words " << s.words << " high " << s.high_water
        << '\n';
  }
  return out.str();
}

}  // namespace stuckat::test
