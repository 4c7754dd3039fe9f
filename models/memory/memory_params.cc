#include "models/memory/memory_params.h"

#include "workloads/errors.h"

namespace stuckat::memory {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

const std::vector<IntegerRow<MemoryParams>>& memory_rows() {
  using M = MemoryParams;
  static const std::vector<IntegerRow<M>> rows = {
      {"bytes_per_cycle", &M::bytes_per_cycle, 1, 65536},
      {"latency_cycles", &M::latency_cycles, 0, 1'000'000},
      {"burst_bytes", &M::burst_bytes, 1, int64_t{1} << 20},
      {"outstanding_bursts", &M::outstanding_bursts, 1, 1024},
  };
  return rows;
}

MemoryParams read_memory(const Json& object, const std::string& where) {
  if (!object.is_object()) throw_value(where, "memory", object, "an object");
  MemoryParams memory;
  for (const auto& [key, value] : object.items()) {
    if (!read_integer(memory_rows(), key, value, where + ": memory", memory)) {
      throw_unknown_name(where + ": memory", "key", key, keys_of(memory_rows()));
    }
  }
  return memory;
}

Json to_json(const MemoryParams& memory) {
  Json object;
  for (const auto& row : memory_rows()) object[row.key] = memory.*(row.member);
  return object;
}

int64_t transfer_cycles(const MemoryParams& memory, int64_t bytes) {
  if (memory.is_at_once()) return 0;
  const int64_t bursts = ceil_div(bytes, memory.burst_bytes);
  const int64_t full = ceil_div(memory.burst_bytes, memory.bytes_per_cycle);
  const int64_t last = ceil_div(bytes - (bursts - 1) * memory.burst_bytes, memory.bytes_per_cycle);
  const int64_t latency = memory.latency_cycles;
  const int64_t outstanding = memory.outstanding_bursts;
  if ((outstanding - 1) * full >= latency) return latency + (bursts - 1) * full + last;
  // A burst waits for the one `outstanding` before it, and for its own latency.
  const int64_t g = (bursts - 1) / outstanding;
  const int64_t j = (bursts - 1) % outstanding;
  return (g + 1) * latency + (g + j) * full + last;
}

}  // namespace stuckat::memory
