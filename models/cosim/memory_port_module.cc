#include "models/cosim/memory_port_module.h"

#include <cstring>

namespace stuckat::cosim {

MemoryPortModule::MemoryPortModule(const sc_core::sc_module_name& name) : sc_module(name) {
  socket.register_invalidate_direct_mem_ptr(this, &MemoryPortModule::invalidate);
}

tlm::tlm_response_status MemoryPortModule::transfer(tlm::tlm_command command, uint64_t address,
                                                    uint8_t* data, unsigned bytes,
                                                    sc_core::sc_time& delay) {
  ++transfers_;
  if (directly(command, address, data, bytes, delay)) return tlm::TLM_OK_RESPONSE;
  tlm::tlm_generic_payload transaction;
  transaction.set_command(command);
  transaction.set_address(address);
  transaction.set_data_ptr(data);
  transaction.set_data_length(bytes);
  transaction.set_streaming_width(bytes);
  transaction.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  ++active_;
  since_ = sc_core::sc_time_stamp();
  what_ = std::string(command == tlm::TLM_READ_COMMAND ? "a read" : "a write") + " of " +
          std::to_string(bytes) + " bytes at " + std::to_string(address);
  socket->b_transport(transaction, delay);
  --active_;
  if (transaction.is_dmi_allowed()) {
    direct_.init();
    has_direct_ = socket->get_direct_mem_ptr(transaction, direct_);
  }
  return transaction.get_response_status();
}

bool MemoryPortModule::directly(tlm::tlm_command command, uint64_t address, uint8_t* data,
                                unsigned bytes, sc_core::sc_time& delay) {
  const bool read = command == tlm::TLM_READ_COMMAND;
  if (!has_direct_ || address < direct_.get_start_address() ||
      address + bytes - 1 > direct_.get_end_address() ||
      !(read ? direct_.is_read_allowed() : direct_.is_write_allowed())) {
    return false;
  }
  uint8_t* memory = direct_.get_dmi_ptr() + (address - direct_.get_start_address());
  std::memcpy(read ? data : memory, read ? memory : data, bytes);
  delay += read ? direct_.get_read_latency() : direct_.get_write_latency();
  ++direct_transfers_;
  return true;
}

void MemoryPortModule::invalidate(sc_dt::uint64 first, sc_dt::uint64 last) {
  if (first <= direct_.get_end_address() && last >= direct_.get_start_address()) {
    has_direct_ = false;
  }
}

}  // namespace stuckat::cosim
