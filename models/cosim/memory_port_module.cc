#include "models/cosim/memory_port_module.h"

namespace stuckat::cosim {

MemoryPortModule::MemoryPortModule(const sc_core::sc_module_name& name) : sc_module(name) {
  socket.register_invalidate_direct_mem_ptr(this, &MemoryPortModule::invalidate);
}

tlm::tlm_response_status MemoryPortModule::transfer(tlm::tlm_command command, uint64_t address,
                                                    uint8_t* data, unsigned bytes,
                                                    sc_core::sc_time& delay) {
  tlm::tlm_generic_payload transaction;
  transaction.set_command(command);
  transaction.set_address(address);
  transaction.set_data_ptr(data);
  transaction.set_data_length(bytes);
  transaction.set_streaming_width(bytes);
  transaction.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  if (direct_.transfer(transaction, delay)) return tlm::TLM_OK_RESPONSE;
  const auto open = open_.insert(open_.end(), {command, address, bytes, sc_core::sc_time_stamp()});
  socket->b_transport(transaction, delay);
  open_.erase(open);
  direct_.ask(socket, transaction);
  return transaction.get_response_status();
}

std::string MemoryPortModule::what() const {
  const Open& oldest = open_.front();
  return std::string(oldest.command == tlm::TLM_READ_COMMAND ? "a read" : "a write") + " of " +
         std::to_string(oldest.bytes) + " bytes at " + std::to_string(oldest.address);
}

}  // namespace stuckat::cosim
