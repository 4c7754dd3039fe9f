#include "models/cosim/parameter_port_module.h"

#include <algorithm>
#include <utility>

#include "models/cosim/bus_access_module.h"

namespace stuckat::cosim {

ParameterPortModule::ParameterPortModule(const sc_core::sc_module_name& name,
                                         ParameterMemory& memory, const sc_core::sc_time& period,
                                         std::function<bool()> may_write)
    : sc_module(name), memory_(memory), period_(period), may_write_(std::move(may_write)) {
  socket.register_b_transport(this, &ParameterPortModule::access);
  socket.register_transport_dbg(this, &ParameterPortModule::debug);
  socket.register_get_direct_mem_ptr(this, &ParameterPortModule::direct);
}

namespace {

constexpr uint64_t word_bytes = 4;

}  // namespace

void ParameterPortModule::access(tlm::tlm_generic_payload& transaction, sc_core::sc_time& delay) {
  tlm::tlm_response_status status = check_form(transaction);
  const uint64_t address = transaction.get_address();
  const uint64_t length = transaction.get_data_length();
  if (status == tlm::TLM_OK_RESPONSE && !is_ignored(transaction) &&
      (address > memory_.bytes() || length > memory_.bytes() - address)) {
    status = tlm::TLM_ADDRESS_ERROR_RESPONSE;
  }
  if (status == tlm::TLM_OK_RESPONSE && transaction.is_write() && !may_write_()) {
    status = tlm::TLM_GENERIC_ERROR_RESPONSE;
  }
  transaction.set_response_status(status);
  if (status != tlm::TLM_OK_RESPONSE || is_ignored(transaction)) return;
  debug(transaction);
  transaction.set_dmi_allowed(memory_.healthy());
  delay += period_ * static_cast<double>((length + word_bytes - 1) / word_bytes);
}

unsigned ParameterPortModule::debug(tlm::tlm_generic_payload& transaction) {
  const uint64_t address = transaction.get_address();
  if (address >= memory_.bytes()) return 0;
  const auto length = static_cast<unsigned>(
      std::min<uint64_t>(transaction.get_data_length(), memory_.bytes() - address));
  uint8_t* data = transaction.get_data_ptr();
  for (unsigned i = 0; i < length; ++i) {
    if (transaction.is_read()) data[i] = memory_.read(address + i);
    if (transaction.is_write()) memory_.write(address + i, data[i]);
  }
  return length;
}

bool ParameterPortModule::direct(tlm::tlm_generic_payload& transaction, tlm::tlm_dmi& region) {
  if (transaction.get_address() >= memory_.bytes()) {
    region.set_start_address(memory_.bytes());
    region.set_end_address(~sc_dt::uint64{0});
    region.allow_none();
    return false;
  }
  region.set_start_address(0);
  region.set_end_address(memory_.bytes() - 1);
  if (!memory_.healthy()) {
    // A pointer would show what was written, not what the broken cells hold.
    region.allow_none();
    return false;
  }
  region.allow_read_write();
  region.set_dmi_ptr(memory_.data());
  const sc_core::sc_time of_a_byte = period_ / double{word_bytes};
  region.set_read_latency(of_a_byte);
  region.set_write_latency(of_a_byte);
  return true;
}

}  // namespace stuckat::cosim
