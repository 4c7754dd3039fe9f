// Fields of up to 32 bits anywhere in bytes, the lowest bit of a byte first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stuckat::memory {

/// Sets bits [at, at + bits), which are 0 so far.
inline void put_field(std::vector<uint8_t>& bytes, int64_t at, int bits, uint32_t field) {
  for (int b = 0; b < bits; ++b, ++at) {
    uint8_t& byte = bytes[static_cast<size_t>(at / 8)];
    byte = static_cast<uint8_t>(byte | (field >> b & 1u) << at % 8);
  }
}

inline uint32_t get_field(const std::vector<uint8_t>& bytes, int64_t at, int bits) {
  uint32_t field = 0;
  for (int b = 0; b < bits; ++b, ++at) {
    field |= (uint32_t{bytes[static_cast<size_t>(at / 8)]} >> at % 8 & 1u) << b;
  }
  return field;
}

}  // namespace stuckat::memory
