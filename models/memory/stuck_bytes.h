// Bytes of a memory some bits of which are stuck.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stuckat::memory {

class StuckBytes {
 public:
  /// Bit `bit` of the byte at an address reads `one` from now on.
  void stick(int64_t address, int bit, bool one) {
    const auto at = static_cast<size_t>(address);
    if (keep_.size() <= at) {
      keep_.resize(at + 1, 0xFF);
      set_.resize(at + 1, 0);
    }
    const auto mask = static_cast<uint8_t>(1u << bit);
    keep_[at] &= static_cast<uint8_t>(~mask);
    if (one) set_[at] |= mask;
  }

  bool is_healthy() const { return keep_.empty(); }

  /// What is read of the byte at an address where `written` was written.
  uint8_t read(int64_t address, uint8_t written) const {
    const auto at = static_cast<size_t>(address);
    if (at >= keep_.size()) return written;
    return static_cast<uint8_t>((written & keep_[at]) | set_[at]);
  }
  /// The same of all bytes from an address on.
  void read(int64_t address, std::vector<uint8_t>& bytes) const {
    for (uint8_t& byte : bytes) byte = read(address++, byte);
  }

 private:
  std::vector<uint8_t> keep_, set_;  // up to the last broken byte
};

}  // namespace stuckat::memory
