// A bus master that reads and writes: directly where the memory allows it, by transactions
// otherwise.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <list>
#include <string>
#include <systemc>
#include <tlm>

#include "sim/kernel/direct_memory.h"

namespace stuckat::cosim {

class MemoryPortModule : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<MemoryPortModule> socket{"socket"};

  /// Bytes that memory answered.
  struct Traffic {
    uint64_t read = 0, written = 0;
  };

  /// whole_bursts: 0, or the length of every burst, which then begins at a multiple of it: more is
  /// read than was asked for, and what a write leaves of a burst is read before.
  explicit MemoryPortModule(const sc_core::sc_module_name& name, unsigned whole_bursts = 0);

  /// One transfer; `delay` is the caller's offset to the simulated time, before and after. What was
  /// moved is added to `traffic`.
  tlm::tlm_response_status transfer(tlm::tlm_command command, uint64_t address, uint8_t* data,
                                    unsigned bytes, sc_core::sc_time& delay, Traffic& traffic);

  /// A transfer is under way; since when, and what it is, of several the oldest: for watchdogs.
  bool waits() const { return !open_.empty(); }
  sc_core::sc_time since() const { return open_.front().since; }
  std::string what() const;
  int64_t direct_transfers() const { return direct_.transfers(); }

 private:
  tlm::tlm_response_status burst(tlm::tlm_command command, uint64_t address, uint8_t* data,
                                 unsigned bytes, sc_core::sc_time& delay, Traffic& traffic);
  void invalidate(sc_dt::uint64 first, sc_dt::uint64 last) { direct_.invalidate(first, last); }

  unsigned whole_bursts_;
  kernel::DirectMemory direct_;
  struct Open {
    tlm::tlm_command command;
    uint64_t address;
    unsigned bytes;
    sc_core::sc_time since;
  };
  std::list<Open> open_;  // transfers under way, in the order of their beginning
};

}  // namespace stuckat::cosim
