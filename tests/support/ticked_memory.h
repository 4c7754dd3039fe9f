// Off-chip memory, one cycle at a time: the burst model of models/loopback/FORMAT.md without a
// closed form.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

#include "models/memory/memory_params.h"

namespace stuckat::test {

/// Off-chip memory with its requests under way: a burst's data follows latency_cycles after its
/// request and after the data of the burst before it.
class TickedMemory {
 public:
  explicit TickedMemory(const memory::MemoryParams& params) : params_(params) {}
  bool done() const { return to_request_ == 0 && bursts_.empty(); }
  void begin(int64_t bytes) { to_request_ = bytes; }
  void tick() {
    if (to_request_ > 0 && static_cast<int64_t>(bursts_.size()) < params_.outstanding_bursts) {
      const int64_t bytes = std::min(to_request_, params_.burst_bytes);
      to_request_ -= bytes;
      bursts_.push_back({params_.latency_cycles, bytes});
    }
    if (!bursts_.empty() && bursts_.front().wait == 0) {
      bursts_.front().bytes -= params_.bytes_per_cycle;
    }
    for (Burst& burst : bursts_) burst.wait -= burst.wait > 0 ? 1 : 0;
    if (!bursts_.empty() && bursts_.front().bytes <= 0) bursts_.pop_front();
  }

 private:
  struct Burst {
    int64_t wait;   // cycles until its first byte may come
    int64_t bytes;  // still to come
  };
  memory::MemoryParams params_;
  int64_t to_request_ = 0;
  std::deque<Burst> bursts_;
};

}  // namespace stuckat::test
