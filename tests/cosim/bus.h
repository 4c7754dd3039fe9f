// What is around a device in the tests: a memory, and a host that drives it.
#pragma once

#include <tlm_utils/peq_with_get.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <systemc>
#include <tlm>
#include <vector>

namespace stuckat::test {

/// `bytes` bytes from address 0 on; latency or a bus, direct access and misbehaviour as a test
/// wants them.
class TestMemory : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<TestMemory> socket{"socket"};
  std::vector<uint8_t> bytes;
  sc_core::sc_time latency;            ///< of a transaction, annotated
  sc_core::sc_time latency_of_a_byte;  ///< the same by its length, direct access included
  /// A bus instead: when the last byte is there of so many that are requested at a time.
  std::function<sc_core::sc_time(const sc_core::sc_time& request, unsigned bytes)> bus;
  bool waits = false;  ///< takes the latency instead of saying so
  bool direct = false;
  int64_t fail_after = -1;             ///< transactions; -1: never
  sc_core::sc_event* never = nullptr;  ///< what reads wait for, if anything,
  int64_t never_after = 0;             ///< after so many of them
  uint64_t whole = 0;  ///< bytes that all bursts are long and aligned to, else they are odd
  int64_t odd = 0;
  int64_t transactions = 0;
  int most_in_flight = 0;  ///< of non-blocking ones

  void revoke_direct_access() {
    direct = false;
    socket->invalidate_direct_mem_ptr(0, bytes.size() - 1);
  }

  TestMemory(const sc_core::sc_module_name& name, size_t size) : sc_module(name), bytes(size) {
    socket.register_b_transport(this, &TestMemory::transport);
    socket.register_nb_transport_fw(this, &TestMemory::forward);
    socket.register_get_direct_mem_ptr(this, &TestMemory::direct_access);
    SC_HAS_PROCESS(TestMemory);
    SC_THREAD(respond);
  }

 private:
  void transport(tlm::tlm_generic_payload& t, sc_core::sc_time& delay) {
    ++transactions;
    if (whole > 0 && (t.get_address() % whole != 0 || t.get_data_length() != whole)) ++odd;
    if (never != nullptr && t.is_read() && never_after-- <= 0) wait(*never);
    const uint64_t address = t.get_address();
    if (address + t.get_data_length() > bytes.size()) {
      t.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
      return;
    }
    if (fail_after >= 0 && transactions > fail_after) {
      t.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
      return;
    }
    if (t.is_read()) std::memcpy(t.get_data_ptr(), &bytes[address], t.get_data_length());
    if (t.is_write()) std::memcpy(&bytes[address], t.get_data_ptr(), t.get_data_length());
    if (bus)
      delay = bus(sc_core::sc_time_stamp() + delay, t.get_data_length()) - sc_core::sc_time_stamp();
    else if (waits)
      wait(latency);
    else
      delay += latency + latency_of_a_byte * double(t.get_data_length());
    t.set_dmi_allowed(direct);
    t.set_response_status(tlm::TLM_OK_RESPONSE);
  }
  /// Takes every request at once, and answers when it is time.
  tlm::tlm_sync_enum forward(tlm::tlm_generic_payload& t, tlm::tlm_phase& phase,
                             sc_core::sc_time& delay) {
    if (phase == tlm::END_RESP) return tlm::TLM_COMPLETED;
    sc_core::sc_time until = delay;
    transport(t, until);
    responses_.notify(t, until);
    most_in_flight = std::max(most_in_flight, ++in_flight_);
    phase = tlm::END_REQ;
    return tlm::TLM_UPDATED;
  }
  void respond() {
    for (;;) {
      wait(responses_.get_event());
      while (tlm::tlm_generic_payload* t = responses_.get_next_transaction()) {
        --in_flight_;
        tlm::tlm_phase phase = tlm::BEGIN_RESP;
        sc_core::sc_time delay;
        socket->nb_transport_bw(*t, phase, delay);
      }
    }
  }
  bool direct_access(tlm::tlm_generic_payload&, tlm::tlm_dmi& dmi) {
    dmi.set_start_address(0);
    dmi.set_end_address(bytes.size() - 1);
    dmi.set_dmi_ptr(bytes.data());
    dmi.set_read_latency(latency_of_a_byte);
    dmi.set_write_latency(latency_of_a_byte);
    dmi.allow_read_write();
    return direct;
  }

  tlm_utils::peq_with_get<tlm::tlm_generic_payload> responses_{"responses"};
  int in_flight_ = 0;
};

/// A thread that runs `program` and has the pins and the socket of a driver.
class Host : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Host> registers{"registers"};
  sc_core::sc_in<bool> interrupt{"interrupt"};
  std::function<void(Host&)> program;
  bool finished = false;
  sc_core::sc_time delay;  ///< annotated to the next transaction

  explicit Host(const sc_core::sc_module_name& name) : sc_module(name) {
    SC_HAS_PROCESS(Host);
    SC_THREAD(run);
    registers.register_nb_transport_bw(this, &Host::backward);
  }

  using sc_module::wait;

  template <typename Socket>
  tlm::tlm_response_status transport(
      Socket& socket, tlm::tlm_command command, uint64_t address, void* data, unsigned length,
      const std::function<void(tlm::tlm_generic_payload&)>& change = [](tlm::tlm_generic_payload&) {
      }) {
    tlm::tlm_generic_payload t;
    t.set_command(command);
    t.set_address(address);
    t.set_data_ptr(static_cast<uint8_t*>(data));
    t.set_data_length(length);
    t.set_streaming_width(length);
    t.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    change(t);
    socket->b_transport(t, delay);
    return t.get_response_status();
  }
  tlm::tlm_response_status write(uint64_t offset, uint32_t data) {
    return transport(registers, tlm::TLM_WRITE_COMMAND, offset, &data, sizeof data);
  }
  uint32_t read(uint64_t offset) {
    uint32_t data = 0;
    transport(registers, tlm::TLM_READ_COMMAND, offset, &data, sizeof data);
    return data;
  }
  /// Lets the simulated time come up to the host's own.
  void catch_up() {
    wait(delay);
    delay = sc_core::SC_ZERO_TIME;
  }
  /// Waits for the interrupt unless it is there.
  void wait_for_interrupt() {
    delay = sc_core::SC_ZERO_TIME;
    if (!interrupt.read()) wait(interrupt.posedge_event());
  }

 private:
  tlm::tlm_sync_enum backward(tlm::tlm_generic_payload&, tlm::tlm_phase& phase, sc_core::sc_time&) {
    return phase == tlm::BEGIN_RESP ? tlm::TLM_COMPLETED : tlm::TLM_ACCEPTED;
  }
  void run() {
    program(*this);
    finished = true;
  }
};

}  // namespace stuckat::test
