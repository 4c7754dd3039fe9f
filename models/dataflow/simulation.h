// One run of a dataflow accelerator: images in, values and exact cycles out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "faultmaps/fault_map.h"
#include "models/dataflow/timing.h"
#include "models/dataflow/trace.h"

namespace stuckat::dataflow {

struct SimulationOptions {
  bool tensors = false;  ///< keep every tensor that crosses a stream, as its reader sees it
  std::vector<StreamTrace>* trace = nullptr;  ///< filled if given, [streams of the chain]
  /// Behind each word of a result: may take away what it has seen of `trace`. May be unset.
  std::function<void()> on_result = {};
  /// When the last word of an image has arrived: how many have. May be unset.
  std::function<void(int64_t images)> on_image = {};
  const Placement* placement = nullptr;  ///< with a protection on it; null: place()
};

struct DataflowResult : DataflowTiming {
  std::vector<std::vector<int32_t>> logits;  ///< [image][class]; the result's values in its order
  std::vector<std::vector<Tensor>> tensors;  ///< [image][tensor], if asked for
  std::vector<ErrorReport> reports;          ///< of comparators, if any spoke
};

/// Elaborates the accelerator, arms the fault map (validated against place() first; empty: healthy)
/// and runs the images through it. SystemC elaborates once per process (its error E529): a second
/// call throws InputError, so callers that need several runs fork or batch their images.
/// Throws InputError on a bad fault map, accelerator or image shape, and on a deadlock.
DataflowResult simulate(const Network& network, const DataflowAccelerator& accelerator,
                        const FaultMap& faults, const std::vector<Tensor>& images,
                        const SimulationOptions& options = {});

}  // namespace stuckat::dataflow
