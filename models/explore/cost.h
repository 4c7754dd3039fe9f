// What a design takes, in units that need no synthesis.
#pragma once

#include <cstdint>

#include "models/dataflow/accelerator.h"
#include "models/loopback/accelerator.h"

namespace stuckat::explore {

struct Cost {
  int64_t pes = 0;
  int64_t multipliers = 0;  ///< PE * SIMD, all parts together
  int64_t memory_bits = 0;

  bool operator==(const Cost&) const = default;
};

/// Memory: weights and thresholds of every MVTU with their padding, the rows of sliding windows
/// (kernel + stride of them), and every FIFO, depth times word.
Cost cost(const dataflow::DataflowAccelerator& accelerator, const Network& network);

/// Memory: the weight buffer, all banks, and both activation buffers.
Cost cost(const loopback::LoopbackAccelerator& accelerator);

}  // namespace stuckat::explore
