// Off-chip memory as an accelerator's description has it, and the cycles of its transfers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/common/json_rows.h"

namespace stuckat::memory {

/// Bursts, several of them under way, data of one after the other.
struct MemoryParams {
  int64_t bytes_per_cycle =
      16;                       ///< 0: all bursts are answered at once, in the cycle of the request
  int64_t latency_cycles = 60;  ///< from the request of a burst to its first byte
  int64_t burst_bytes = 256;    ///< longest burst
  int64_t outstanding_bursts = 4;

  /// No cycle is waited for: what a description without a memory has.
  static MemoryParams at_once() { return {0, 0, 256, 1}; }
  bool is_at_once() const { return bytes_per_cycle == 0; }
  bool operator==(const MemoryParams&) const = default;
};

/// Keys, places and ranges of a described memory.
const std::vector<IntegerRow<MemoryParams>>& memory_rows();

/// The object "memory" of a description. Throws InputError.
MemoryParams read_memory(const Json& object, const std::string& where);
Json to_json(const MemoryParams& memory);

/// Cycles of one transfer: closed form of the burst model, models/loopback/FORMAT.md.
int64_t transfer_cycles(const MemoryParams& memory, int64_t bytes);

}  // namespace stuckat::memory
