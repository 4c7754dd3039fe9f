// The designs that `stuckat explore` looks at, from its options.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "models/explore/design.h"
#include "models/explore/timing_cache.h"
#include "tools/stuckat/accelerator.h"

namespace stuckat::cli {

struct Sweep {
  std::vector<Accelerator> accelerators;  ///< each as it is, and with what follows
  std::vector<double> clocks_mhz;         ///< empty: each accelerator's own
  std::vector<std::string> fifos;         ///< "given", "smallest", or a depth; dataflow only
  std::vector<int64_t> bandwidths;        ///< bytes per cycle; loopback only; empty: its own
  double loopback_clock_mhz = 200;
};

struct DesignPoint {
  explore::Design design;
  Accelerator accelerator;
};

/// All combinations. `progress` gets the share that is done; false stops.
std::vector<DesignPoint> explore_all(const Sweep& sweep, const Network& network,
                                     explore::TimingCache& cache,
                                     const std::function<bool(double)>& progress);

}  // namespace stuckat::cli
