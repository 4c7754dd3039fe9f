// One side of a what-if: a network on an accelerator with a fault map, from the fast engine over
// all images and from the cycle-level model over the first ones.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/fault_map.h"
#include "models/accelerator.h"
#include "tools/report/whatif.h"
#include "tools/studies/child_process.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::studies {

/// A case that is ready to run: broken hardware, or elements of the network that are stuck and
/// need none.
struct BrokenNetwork {
  Network network;
  AcceleratorPtr accelerator;  ///< null: only elements are stuck
  Placement placement;
  FaultMap map;
  std::vector<std::string> elements;  ///< names
  Effects effects;
};

/// Simulations of the first images, with and without the faults, each in a process of its own.
class CycleRuns {
 public:
  /// Starts them. Nothing for no image, and without hardware.
  CycleRuns(const BrokenNetwork& hardware, const DataSet& data, int images);
  /// Waits and fills in healthy_cycles and cycles.
  void finish(report::WhatIfCase& result);

 private:
  std::vector<ChildProcess> runs_;  // healthy, broken
};

struct WhatIfOptions {
  int examined = 200;  ///< images whose tensors are compared element by element
  int threads = 1;
  std::function<void()> image_done = [] {};  ///< one call at a time
};

/// Everything but the cycles and what only names the case (label, model, training).
report::WhatIfCase examine(const BrokenNetwork& hardware, const DataSet& data,
                           const WhatIfOptions& options);

}  // namespace stuckat::studies
