// A host drives the accelerator as a driver would: writes parameters and images, starts, waits for
// the interrupt, reads results. docs/device.md has the registers.
#include <tlm_utils/simple_initiator_socket.h>

#include <cstdio>
#include <cstring>
#include <systemc>

#include "models/cosim/device_module.h"
#include "models/dataflow/image_words.h"
#include "random_parameters.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

using namespace stuckat;
using cosim::Register;

namespace {

constexpr uint64_t images_at = 0x10000, results_at = 0x80000;
constexpr int image_count = 5;

/// 1 MiB that answers in 100 ns and may be accessed directly.
struct Memory : sc_core::sc_module {
  tlm_utils::simple_target_socket<Memory> socket{"socket"};
  std::vector<uint8_t> bytes = std::vector<uint8_t>(1 << 20);
  const sc_core::sc_time latency{100, sc_core::SC_NS};

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
    delay += latency;
    t.set_dmi_allowed(true);
    t.set_response_status(tlm::TLM_OK_RESPONSE);
  }
  bool direct(tlm::tlm_generic_payload&, tlm::tlm_dmi& dmi) {
    dmi.allow_read_write();
    dmi.set_start_address(0);
    dmi.set_end_address(bytes.size() - 1);
    dmi.set_dmi_ptr(bytes.data());
    dmi.set_read_latency(latency);
    dmi.set_write_latency(latency);
    return true;
  }
};

struct Host : sc_core::sc_module {
  tlm_utils::simple_initiator_socket<Host> registers{"registers"};
  tlm_utils::simple_initiator_socket<Host> parameters{"parameters"};
  sc_core::sc_in<bool> interrupt{"interrupt"};
  const Network& network;
  const dataflow::DataflowAccelerator& accelerator;
  const std::vector<Tensor>& images;
  Memory& memory;
  int failures = 0;
  bool finished = false;

  Host(const sc_core::sc_module_name& name, const Network& n,
       const dataflow::DataflowAccelerator& a, const std::vector<Tensor>& i, Memory& m)
      : sc_module(name), network(n), accelerator(a), images(i), memory(m) {
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
      std::printf("%s at 0x%llx\n", t.get_response_string().c_str(),
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

  void run() {
    auto bytes = cosim::parameter_bytes(network);
    access(parameters, tlm::TLM_WRITE_COMMAND, 0, bytes.data(), bytes.size());
    const auto words = dataflow::build_chain(accelerator, network).streams.front();
    auto at = memory.bytes.begin() + images_at;
    for (const Tensor& image : images) {
      const auto packed = dataflow::image_bytes(image, network.layers.front().input_format,
                                                words.words_per_image, words.word_bits());
      at = std::copy(packed.begin(), packed.end(), at);
    }

    write(Register::image_count, image_count);
    write(Register::image_address, images_at);
    write(Register::result_address, results_at);
    write(Register::control, cosim::control_start | cosim::control_interrupt);
    if (!interrupt.read()) wait(interrupt.posedge_event());
    if (read(Register::status) != cosim::status_done) ++failures;
    write(Register::status, cosim::status_done);
    std::printf("%u images in %u cycles\n", read(Register::images_done),
                read(Register::total_cycles));

    for (size_t i = 0; i < images.size(); ++i) {
      std::vector<int32_t> result(static_cast<size_t>(network.classes()));
      const size_t size = 4 * result.size();
      std::memcpy(result.data(), memory.bytes.data() + results_at + i * size, size);
      const bool right = result == reference::run(network, images[i]).back().values;
      std::printf("image %zu: class %d%s\n", i, predicted_class(result.data(), network.classes()),
                  right ? "" : ", not what the reference says");
      if (!right) ++failures;
    }
    finished = true;
  }
};

}  // namespace

int sc_main(int, char*[]) {
  std::mt19937 random(7);
  Network network = zoo_network("tfc-w1a1");
  for (Layer& layer : network.layers) fill_randomly(layer, random);
  const auto accelerator = dataflow::auto_dataflow(network, 1000);
  std::vector<Tensor> images;
  for (int i = 0; i < image_count; ++i) {
    images.push_back({network.input(), {}});
    for (int j = 0; j < network.input().size(); ++j) {
      images.back().values.push_back(random() % 2 == 0 ? 1 : -1);
    }
  }

  tlm::tlm_global_quantum::instance().set(sc_core::sc_time(1, sc_core::SC_US));
  cosim::DeviceModule device("device", zoo_network("tfc-w1a1"), accelerator);
  Memory memory("memory");
  Host host("host", network, accelerator, images, memory);
  sc_core::sc_signal<bool> interrupt("interrupt");
  host.registers.bind(device.registers);
  host.parameters.bind(device.parameters);
  device.memory.socket.bind(memory.socket);
  device.interrupt(interrupt);
  host.interrupt(interrupt);
  sc_core::sc_start();
  if (!host.finished) std::printf("%s\n", device.explain().c_str());
  return host.finished && host.failures == 0 ? 0 : 1;
}
