// The values of a device's registers.
#pragma once

#include <array>

#include "models/cosim/register_map.h"

namespace stuckat::cosim {

class RegisterFile {
 public:
  RegisterFile() { reset(); }

  const uint32_t& operator[](Register offset) const {
    return values_[static_cast<size_t>(offset) / 4];
  }
  uint32_t& operator[](Register offset) { return values_[static_cast<size_t>(offset) / 4]; }

  /// A register and the one with its high 32 bits.
  uint64_t wide(Register low) const {
    const uint32_t* words = &(*this)[low];
    return uint64_t{words[1]} << 32 | words[0];
  }
  void set_wide(Register low, uint64_t number) {
    uint32_t* words = &(*this)[low];
    words[0] = static_cast<uint32_t>(number);
    words[1] = static_cast<uint32_t>(number >> 32);
  }

  /// All but the constants of the device.
  void reset() {
    for (const RegisterRow& row : register_table()) {
      const bool of_device = row.access == Access::constant && row.reset == 0;
      if (!of_device) (*this)[row.offset] = row.reset;
    }
  }

 private:
  std::array<uint32_t, register_count> values_ = {};
};

}  // namespace stuckat::cosim
