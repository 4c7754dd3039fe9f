// Networks whose parameters are still to come.
#pragma once

#include "workloads/network.h"

namespace stuckat::cosim {

inline Network without_parameters(Network network) {
  for (Layer& layer : network.layers) {
    if (!layer.has_weights()) continue;
    layer.weights.clear();
    layer.thresholds.clear();
  }
  return network;
}

/// Some valid parameters where a layer has none: what hardware is built from.
inline Network with_parameters(Network network) {
  for (Layer& layer : network.layers) {
    if (!layer.has_weights() || !layer.weights.empty()) continue;
    const auto rows = static_cast<size_t>(layer.rows());
    layer.weights.assign(rows * static_cast<size_t>(layer.columns()),
                         static_cast<int8_t>(layer.weight_format.min_level()));
    layer.thresholds.assign(rows * static_cast<size_t>(layer.thresholds_per_row()), 0);
  }
  return network;
}

}  // namespace stuckat::cosim
