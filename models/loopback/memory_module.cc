#include "models/loopback/memory_module.h"

#include <algorithm>
#include <ostream>
#include <vector>

namespace stuckat::loopback {

MemoryModule::MemoryModule(const sc_core::sc_module_name& name, const MemoryParams& params)
    : sc_module(name), params_(params) {}

int64_t MemoryModule::transfer(int64_t request, int64_t bytes) {
  const int64_t cycles = (bytes + params_.bytes_per_cycle - 1) / params_.bytes_per_cycle;
  bus_free_ = std::max(request + params_.latency_cycles, bus_free_) + cycles;
  busy_cycles_ += cycles;
  bytes_ += bytes;
  ++bursts_;
  return bus_free_;
}

std::ostream& operator<<(std::ostream& stream, const Transfer& transfer) {
  return stream << (transfer.kind == Transfer::Kind::weights ? "weights " : "activations ")
                << transfer.bytes;
}

FetchModule::FetchModule(const sc_core::sc_module_name& name, const MemoryParams& params)
    : sc_module(name), params_(params) {
  SC_HAS_PROCESS(FetchModule);
  SC_THREAD(serve);
}

void FetchModule::serve() {
  int64_t free = 0;  // end of the transfer before
  for (;;) {
    const Transfer transfer = program.read();
    const bool weights = transfer.kind == Transfer::Kind::weights;
    const int64_t start = std::max(free, weights ? bank_free.read() : transfer.not_before);
    free = move(start, transfer.bytes);
    busy_cycles_ += free - start;
    (weights ? bank_full : moved).write(free);
  }
}

/// Bursts back to back, one request a cycle, outstanding_bursts of them under way.
int64_t FetchModule::move(int64_t start, int64_t bytes) {
  std::vector<int64_t> done;
  int64_t request = start;
  const auto outstanding = static_cast<size_t>(params_.outstanding_bursts);
  for (int64_t left = bytes; left > 0; left -= params_.burst_bytes) {
    if (done.size() >= outstanding) request = std::max(request, done[done.size() - outstanding]);
    done.push_back(memory->transfer(request, std::min(left, params_.burst_bytes)));
    ++request;
  }
  return done.back();
}

}  // namespace stuckat::loopback
