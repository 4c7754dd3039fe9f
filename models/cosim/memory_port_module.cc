#include "models/cosim/memory_port_module.h"

#include <algorithm>
#include <vector>

namespace stuckat::cosim {

MemoryPortModule::MemoryPortModule(const sc_core::sc_module_name& name, unsigned whole_bursts)
    : sc_module(name), whole_bursts_(whole_bursts) {
  socket.register_invalidate_direct_mem_ptr(this, &MemoryPortModule::invalidate);
}

tlm::tlm_response_status MemoryPortModule::transfer(tlm::tlm_command command, uint64_t address,
                                                    uint8_t* data, unsigned bytes,
                                                    sc_core::sc_time& delay, Traffic& traffic) {
  if (whole_bursts_ == 0) return burst(command, address, data, bytes, delay, traffic);
  std::vector<uint8_t> room(whole_bursts_);
  for (unsigned done = 0; done < bytes;) {
    const auto before = static_cast<unsigned>((address + done) % whole_bursts_);
    const unsigned part = std::min(bytes - done, whole_bursts_ - before);
    const uint64_t at = address + done - before;
    tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
    if (command == tlm::TLM_READ_COMMAND || part < whole_bursts_) {
      status = burst(tlm::TLM_READ_COMMAND, at, room.data(), whole_bursts_, delay, traffic);
    }
    if (status == tlm::TLM_OK_RESPONSE && command == tlm::TLM_WRITE_COMMAND) {
      std::copy_n(data + done, part, room.data() + before);
      status = burst(command, at, room.data(), whole_bursts_, delay, traffic);
    }
    if (status != tlm::TLM_OK_RESPONSE) return status;
    if (command == tlm::TLM_READ_COMMAND) std::copy_n(room.data() + before, part, data + done);
    done += part;
  }
  return tlm::TLM_OK_RESPONSE;
}

tlm::tlm_response_status MemoryPortModule::burst(tlm::tlm_command command, uint64_t address,
                                                 uint8_t* data, unsigned bytes,
                                                 sc_core::sc_time& delay, Traffic& traffic) {
  tlm::tlm_generic_payload transaction;
  transaction.set_command(command);
  transaction.set_address(address);
  transaction.set_data_ptr(data);
  transaction.set_data_length(bytes);
  transaction.set_streaming_width(bytes);
  transaction.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  (command == tlm::TLM_READ_COMMAND ? traffic.read : traffic.written) += bytes;
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
