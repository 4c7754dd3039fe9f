// The weights and thresholds of an accelerator as bytes that a host writes and reads back. Layout,
// layer by layer, layers without weights left out (tables and thresholds of adds and pools are part
// of the hardware):
//
//   weights     codes of b bits, row after row, columns in a row; code i in bits [i*b, (i+1)*b) of
//               the block, bit 0 of byte 0 first; filled with 0 to a multiple of 4 bytes
//   thresholds  32-bit little-endian two's complement, row after row
//
// Broken cells read as they are stuck, whatever was written: read = (raw & keep) | set.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/fault_map.h"
#include "workloads/network.h"

namespace stuckat::cosim {

class ParameterMemory {
 public:
  /// Holds the network's parameters at first; zeros where it has none.
  explicit ParameterMemory(const Network& network);

  uint64_t bytes() const { return raw_.size(); }
  uint8_t read(uint64_t address) const {
    return static_cast<uint8_t>((raw_[address] & keep_[address]) | set_[address]);
  }
  void write(uint64_t address, uint8_t value) { raw_[address] = value; }
  /// The storage itself, for direct access; only while healthy().
  uint8_t* data() { return raw_.data(); }
  bool healthy() const { return healthy_; }

  /// A stuck bit of a weight or threshold memory of `array`; cells that hold padding are not among
  /// these bytes. Other faults are not in this memory; nor are transients, which hit a cell in a
  /// cycle of the run.
  void arm(const Fault& fault, const PeArray& array);

  /// Puts what was written (not what broken cells make of it: the accelerator's own memories are
  /// armed) into the network. Throws InputError if that is no network.
  void unpack(Network& network) const;

 private:
  struct Block {
    uint64_t weights = 0;  // byte offsets
    uint64_t thresholds = 0;
  };
  void stick(uint64_t bit, bool one);

  Network shape_;              // formats and shapes; its own parameters do not count
  std::vector<Block> blocks_;  // [layers]
  std::vector<uint8_t> raw_, keep_, set_;
  bool healthy_ = true;
};

/// What a driver writes: the network's parameters in this layout.
std::vector<uint8_t> parameter_bytes(const Network& network);

}  // namespace stuckat::cosim
