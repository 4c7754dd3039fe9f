// The depths of FIFOs that a file of FINN's gives, by the nodes at both ends and by place.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/dataflow/finn_file.h"

namespace stuckat::dataflow {

/// The nodes of a layer's parts; null: it has no such part, or the file says nothing of it.
struct LayerNodes {
  const FinnNode* padding = nullptr;
  const FinnNode* window = nullptr;
  const FinnNode* part = nullptr;  ///< MVAU or pool
  const FinnNode* thresholds = nullptr;
};

/// Sets input_depth, and out_depth and inner_depth of all layers; all else is there already.
void read_finn_depths(std::optional<int> fifo_in_front, const std::vector<LayerNodes>& nodes,
                      const Network& network, const std::string& where,
                      DataflowAccelerator& accelerator);

}  // namespace stuckat::dataflow
