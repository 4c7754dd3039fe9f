// The one way out of storage and wires that can break.
#pragma once

#include <cstdint>

namespace stuckat {

/// read(raw) = (raw & keep) | set; the identity until a bit is stuck.
struct StuckBits {
  uint32_t keep = ~0u;
  uint32_t set = 0;

  uint32_t read(uint32_t raw) const { return (raw & keep) | set; }
  void stick(int bit, bool one) {
    const uint32_t mask = 1u << bit;
    keep &= ~mask;
    set = one ? set | mask : set & ~mask;
  }
  bool healthy() const { return keep == ~0u && set == 0; }
};

}  // namespace stuckat
