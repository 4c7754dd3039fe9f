// The built-in off-chip memory, behind a TLM-2.0 socket.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <systemc>
#include <tlm>

#include "models/memory/memory_params.h"

namespace stuckat::memory {

/// One data bus; bursts in the order of their requests, each latency_cycles after its request and
/// after the burst before it. Says when the last byte is there by the delay it returns, without
/// letting time pass; keeps no data, reads leave the buffer as it is.
class MemoryModule : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<MemoryModule> socket{"socket"};

  MemoryModule(const sc_core::sc_module_name& name, const MemoryParams& params,
               const sc_core::sc_time& period);

  /// The cycle in which the last byte of a burst is there that is requested in cycle `request`.
  int64_t transfer(int64_t request, int64_t bytes);

  int64_t busy_cycles() const { return busy_cycles_; }  ///< of the data bus

 private:
  void transport(tlm::tlm_generic_payload& transaction, sc_core::sc_time& delay);

  MemoryParams params_;
  sc_core::sc_time period_;
  int64_t bus_free_ = 0;
  int64_t busy_cycles_ = 0;
};

}  // namespace stuckat::memory
