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

/// Value of the low `bits` bits of a register: unsigned, or two's complement. bits: 1 to 32; an
/// unsigned register of 32 bits is read back as int32_t.
inline int32_t read_register(uint32_t code, int bits, bool is_unsigned) {
  if (bits >= 32) return static_cast<int32_t>(code);
  code &= (1u << bits) - 1;
  if (is_unsigned) return static_cast<int32_t>(code);
  const uint32_t sign = 1u << (bits - 1);
  return static_cast<int32_t>(code ^ sign) - static_cast<int32_t>(sign);
}

}  // namespace stuckat
