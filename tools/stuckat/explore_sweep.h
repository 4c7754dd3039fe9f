// The designs that `stuckat explore` looks at, from its options.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "models/explore/design.h"
#include "models/explore/timing_cache.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/explore_journal.h"

namespace stuckat::cli {

/// A dataflow accelerator of which only is known how fast it has to be.
struct FrameRate {
  double frames_per_second = 0;
  double clock_mhz = 0;
};

struct Sweep {
  std::vector<Accelerator> accelerators;  ///< each as it is, and with what follows
  std::vector<FrameRate> rates;           ///< for each the smallest folding, with each of `fifos`
  std::vector<double> clocks_mhz;         ///< empty: each accelerator's own
  std::vector<std::string> fifos;         ///< "given", "smallest", or a depth; dataflow only
  std::vector<int64_t> bandwidths;        ///< bytes per cycle; loopback only; empty: its own
  double loopback_clock_mhz = 200;
};

struct DesignPoint {
  explore::Design design;
  Accelerator accelerator;
};

/// All combinations; what `journal` knows is not computed again. `progress` gets the share that is
/// done; false stops.
std::vector<DesignPoint> explore_all(const Sweep& sweep, const Network& network,
                                     explore::TimingCache& cache, ExploreJournal& journal,
                                     const std::function<bool(double)>& progress);

}  // namespace stuckat::cli
