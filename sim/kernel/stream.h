// A stream between two stages: a stamped FIFO as a SystemC primitive channel. The stamps carry the
// time; its events fire (after a delta cycle) only when the other side waits for a word or a slot.
#pragma once

#include <systemc>

#include "sim/kernel/stamped_fifo.h"

namespace stuckat::kernel {

class Stream : public sc_core::sc_prim_channel, public StampedFifo {
 public:
  Stream(const char* name, int depth, int word_bits)
      : sc_prim_channel(name), StampedFifo(depth, word_bits) {}
  const char* kind() const override { return "stuckat_stream"; }

  /// The event that its reader (its writer) is sensitive to. During elaboration, once each.
  void bind_consumer(sc_core::sc_event& wake) { consumer_ = &wake; }
  void bind_producer(sc_core::sc_event& wake) { producer_ = &wake; }

 private:
  void wake_producer() override { producer_->notify(sc_core::SC_ZERO_TIME); }
  void wake_consumer() override { consumer_->notify(sc_core::SC_ZERO_TIME); }

  sc_core::sc_event* producer_ = nullptr;
  sc_core::sc_event* consumer_ = nullptr;
};

}  // namespace stuckat::kernel
