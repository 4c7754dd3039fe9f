// A memory, and a host that drives an accelerator as a driver would. docs/device.md has the
// registers.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <systemc>
#include <vector>

#include "models/cosim/register_map.h"

using stuckat::cosim::Register;

/// 1 MiB that takes 1 ns for a byte and may be accessed directly.
struct Memory : sc_core::sc_module {
  tlm_utils::simple_target_socket<Memory> socket{"socket"};
  std::vector<uint8_t> bytes = std::vector<uint8_t>(1 << 20);
  const sc_core::sc_time latency_of_a_byte{1, sc_core::SC_NS};

  explicit Memory(const sc_core::sc_module_name& name) : sc_module(name) {
    socket.register_b_transport(this, &Memory::transport);
    socket.register_get_direct_mem_ptr(this, &Memory::direct);
  }
  void transport(tlm::tlm_generic_payload& t, sc_core::sc_time& delay) {
    if (t.get_address() + t.get_data_length() > bytes.size()) {
      t.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
      return;
    }
    uint8_t* here = bytes.data() + t.get_address();
    if (t.is_read()) std::memcpy(t.get_data_ptr(), here, t.get_data_length());
    if (t.is_write()) std::memcpy(here, t.get_data_ptr(), t.get_data_length());
    delay += latency_of_a_byte * double(t.get_data_length());
    t.set_dmi_allowed(true);
    t.set_response_status(tlm::TLM_OK_RESPONSE);
  }
  bool direct(tlm::tlm_generic_payload&, tlm::tlm_dmi& dmi) {
    dmi.allow_read_write();
    dmi.set_start_address(0);
    dmi.set_end_address(bytes.size() - 1);
    dmi.set_dmi_ptr(bytes.data());
    dmi.set_read_latency(latency_of_a_byte);
    dmi.set_write_latency(latency_of_a_byte);
    return true;
  }
};

/// What is to be computed, in bytes.
struct Work {
  std::vector<uint8_t> parameters;
  std::vector<std::vector<uint8_t>> images;
  std::vector<std::vector<int32_t>> expected;  ///< [image][class]
};

struct Host : sc_core::sc_module {
  static constexpr uint64_t images_at = 0x10000, results_at = 0x60000, parameters_at = 0x80000;

  tlm_utils::simple_initiator_socket<Host> registers{"registers"};
  /// Of an accelerator that keeps its weights. Left unbound, the weights are put into memory, where
  /// the accelerator fetches them.
  tlm_utils::simple_initiator_socket_optional<Host> parameters{"parameters"};
  sc_core::sc_in<bool> interrupt{"interrupt"};
  const Work& work;
  Memory& memory;
  int failures = 0;
  bool finished = false;

  Host(const sc_core::sc_module_name& name, const Work& w, Memory& m)
      : sc_module(name), work(w), memory(m) {
    SC_HAS_PROCESS(Host);
    SC_THREAD(run);
  }

  template <typename Socket>
  void access(Socket& socket, tlm::tlm_command command, uint64_t address, void* data,
              size_t length) {
    tlm::tlm_generic_payload t;
    t.set_command(command);
    t.set_address(address);
    t.set_data_ptr(static_cast<uint8_t*>(data));
    t.set_data_length(static_cast<unsigned>(length));
    t.set_streaming_width(static_cast<unsigned>(length));
    sc_core::sc_time delay;
    socket->b_transport(t, delay);
    wait(delay);
    if (!t.is_response_ok()) {
      std::printf("%s: %s at 0x%llx\n", name(), t.get_response_string().c_str(),
                  static_cast<unsigned long long>(address));
      ++failures;
    }
  }
  void write(Register offset, uint32_t data) {
    access(registers, tlm::TLM_WRITE_COMMAND, static_cast<uint64_t>(offset), &data, sizeof data);
  }
  uint32_t read(Register offset) {
    uint32_t data = 0;
    access(registers, tlm::TLM_READ_COMMAND, static_cast<uint64_t>(offset), &data, sizeof data);
    return data;
  }
  void put(uint64_t address, const std::vector<uint8_t>& bytes) {
    std::copy(bytes.begin(), bytes.end(), memory.bytes.begin() + static_cast<long>(address));
  }

  void run() {
    std::vector<uint8_t> bytes = work.parameters;
    if (parameters.size() > 0) {
      access(parameters, tlm::TLM_WRITE_COMMAND, 0, bytes.data(), bytes.size());
    } else {
      put(parameters_at, bytes);
      write(Register::parameter_address, parameters_at);
    }
    for (size_t i = 0; i < work.images.size(); ++i) {
      put(images_at + i * read(Register::image_bytes), work.images[i]);
    }
    write(Register::image_count, static_cast<uint32_t>(work.images.size()));
    write(Register::image_address, images_at);
    write(Register::result_address, results_at);
    write(Register::control, stuckat::cosim::control_start | stuckat::cosim::control_interrupt);
    if (!interrupt.read()) wait(interrupt.posedge_event());
    if (read(Register::status) != stuckat::cosim::status_done) ++failures;
    write(Register::status, stuckat::cosim::status_done);
    std::printf("%s: %u images in %u cycles\n", name(), read(Register::images_done),
                read(Register::total_cycles));

    for (size_t i = 0; i < work.images.size(); ++i) {
      std::vector<int32_t> result(work.expected[i].size());
      const size_t size = 4 * result.size();
      std::memcpy(result.data(), memory.bytes.data() + results_at + i * size, size);
      const auto best = std::max_element(result.begin(), result.end());
      const bool right = result == work.expected[i];
      std::printf("%s: image %zu: class %d%s\n", name(), i, static_cast<int>(best - result.begin()),
                  right ? "" : ", not what the reference says");
      if (!right) ++failures;
    }
    finished = true;
  }
};
