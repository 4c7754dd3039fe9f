#include "models/memory/memory_module.h"

#include <algorithm>

namespace stuckat::memory {

using sc_core::sc_time;
using sc_core::sc_time_stamp;

MemoryModule::MemoryModule(const sc_core::sc_module_name& name, const MemoryParams& params,
                           const sc_time& period)
    : sc_module(name), params_(params), period_(period) {
  socket.register_b_transport(this, &MemoryModule::transport);
}

int64_t MemoryModule::transfer(int64_t request, int64_t bytes) {
  if (params_.is_at_once()) return request;
  const int64_t cycles = (bytes + params_.bytes_per_cycle - 1) / params_.bytes_per_cycle;
  bus_free_ = std::max(request + params_.latency_cycles, bus_free_) + cycles;
  busy_cycles_ += cycles;
  return bus_free_;
}

void MemoryModule::transport(tlm::tlm_generic_payload& transaction, sc_time& delay) {
  const sc_time request = sc_time_stamp() + delay;
  const auto cycle = static_cast<int64_t>(request.value() / period_.value());
  const int64_t done = transfer(cycle, transaction.get_data_length());
  delay = period_ * static_cast<double>(done) - sc_time_stamp();
  transaction.set_response_status(tlm::TLM_OK_RESPONSE);
}

}  // namespace stuckat::memory
