// One run of a dataflow accelerator: images in, values and exact cycles out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faultmaps/fault_map.h"
#include "models/common/run_statistics.h"
#include "models/dataflow/accelerator.h"

namespace stuckat::dataflow {

struct SimulationOptions {
  bool tensors = false;  ///< keep every tensor that crosses a stream, as its reader sees it
};

struct DataflowResult {
  std::vector<std::vector<int32_t>> logits;  ///< [image][class]
  std::vector<std::vector<Tensor>> tensors;  ///< [image][tensor], if asked for

  std::vector<int64_t> arrival_cycles;  ///< cycle by which the image's last word is in memory
  int64_t first_image_cycles = 0;
  int64_t steady_interval_cycles = 0;  ///< see steady_interval()
  int64_t total_cycles = 0;            ///< until every module is at rest

  std::vector<ModuleStatistics> modules;  ///< in the order of the data path
  std::vector<StreamStatistics> streams;
  std::string bottleneck;  ///< the module that was busy in most cycles
};

/// Cycles between two images in the middle of a run: the median of all intervals, 0 for a single
/// image. The first images fill the FIFOs; the last ones drain, in a stalling pipeline several of
/// them (CNV-W2A2: five) and faster than the bottleneck. Runs of a dozen images are long enough.
int64_t steady_interval(const std::vector<int64_t>& arrivals);

/// Elaborates the accelerator, arms the fault map (validated against place() first; empty: healthy)
/// and runs the images through it. SystemC elaborates once per process (its error E529): a second
/// call throws InputError, so callers that need several runs fork or batch their images.
/// Throws InputError on a bad fault map, accelerator or image shape, and on a deadlock.
DataflowResult simulate(const Network& network, const DataflowAccelerator& accelerator,
                        const FaultMap& faults, const std::vector<Tensor>& images,
                        const SimulationOptions& options = {});

}  // namespace stuckat::dataflow
