// What a bus master knows of direct access to the memory after its socket (TLM-2.0, DMI): asks for
// it where a transaction says that it may, copies where it was granted, forgets what the target
// takes back.
#pragma once

#include <cstdint>
#include <cstring>
#include <systemc>
#include <tlm>

namespace stuckat::kernel {

class DirectMemory {
 public:
  /// True if the access was done directly; `delay` is then later by the latency that memory states,
  /// which is that of a byte (IEEE 1666-2011, 11.2.5).
  bool transfer(tlm::tlm_generic_payload& transaction, sc_core::sc_time& delay) {
    const bool read = transaction.is_read();
    const uint64_t first = transaction.get_address();
    const uint64_t bytes = transaction.get_data_length();
    if (!granted_ || first < region_.get_start_address() ||
        first + bytes - 1 > region_.get_end_address() ||
        !(read ? region_.is_read_allowed() : region_.is_write_allowed())) {
      return false;
    }
    uint8_t* memory = region_.get_dmi_ptr() + (first - region_.get_start_address());
    uint8_t* data = transaction.get_data_ptr();
    std::memcpy(read ? data : memory, read ? memory : data, bytes);
    delay += (read ? region_.get_read_latency() : region_.get_write_latency()) *
             static_cast<double>(bytes);
    transaction.set_response_status(tlm::TLM_OK_RESPONSE);
    ++transfers_;
    return true;
  }

  /// Behind every transaction that went through the socket.
  template <typename Socket>
  void ask(Socket& socket, tlm::tlm_generic_payload& transaction) {
    if (!transaction.is_dmi_allowed()) return;
    region_.init();
    granted_ = socket->get_direct_mem_ptr(transaction, region_);
  }

  void invalidate(sc_dt::uint64 first, sc_dt::uint64 last) {
    if (first <= region_.get_end_address() && last >= region_.get_start_address()) {
      granted_ = false;
    }
  }

  int64_t transfers() const { return transfers_; }

 private:
  tlm::tlm_dmi region_;
  bool granted_ = false;
  int64_t transfers_ = 0;
};

}  // namespace stuckat::kernel
