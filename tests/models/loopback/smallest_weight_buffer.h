// The weight buffer that just holds one fold of every layer in each bank.
#pragma once

#include <algorithm>

#include "models/loopback/timing.h"

namespace stuckat::test {

inline int64_t smallest_weight_buffer(loopback::LoopbackAccelerator accelerator,
                                      const Network& network) {
  accelerator.weight_buffer_bytes = int64_t{1} << 30;
  const loopback::LoopbackPlan plan = make_plan(accelerator, network);
  int64_t bank = 1;
  for (const loopback::LayerPlan& layer : plan.layers) {
    const int bits = network.layers[static_cast<size_t>(layer.layer)].weight_format.bits;
    const int64_t word = (layer.rows_per_fold * accelerator.simd * bits + 7) / 8;
    bank = std::max(bank, layer.synapse_fold * word);
  }
  return bank * accelerator.weight_banks();
}

}  // namespace stuckat::test
