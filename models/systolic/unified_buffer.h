// The unified buffer: which tensors lie in it, where, and what is read of them where it is broken.
#pragma once

#include "faultmaps/placement.h"
#include "models/memory/stuck_bytes.h"
#include "workloads/network.h"

namespace stuckat::systolic {

/// The image and what layers make, each until the last layer that reads it, at the lowest address
/// that is free; as large as that needs. What only the layer after it reads, and follows into it,
/// is not in the buffer. One buffer, "unified_buffer".
ActivationMemory unified_buffer(const Network& network);

/// Values only, no time.
class UnifiedBuffer {
 public:
  /// The network outlives it.
  explicit UnifiedBuffer(const Network& network)
      : network_(network), memory_(unified_buffer(network)) {}

  /// Bit `bit` of the byte at an address reads `one` from now on; before the first image.
  void stick(int address, int bit, bool one) { stuck_.stick(address, bit, one); }

  /// Tensor `index` as layers, and memory, read it; as it is if it does not lie in the buffer.
  Tensor read(int index, Tensor written) const;

 private:
  const Network& network_;
  const ActivationMemory memory_;
  memory::StuckBytes stuck_;
};

}  // namespace stuckat::systolic
