// The smallest system with an accelerator behind a bus: a memory, and a driver that runs two
// images.
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdio>
#include <cstring>

#include "models/cosim/dataflow_device_module.h"
#include "models/dataflow/image_words.h"
#include "workloads/zoo.h"

using namespace stuckat;
using cosim::Register;

struct Memory : sc_core::sc_module {
  tlm_utils::simple_target_socket<Memory> socket{"socket"};
  std::vector<uint8_t> bytes = std::vector<uint8_t>(1 << 16);

  explicit Memory(const sc_core::sc_module_name& name) : sc_module(name) {
    socket.register_b_transport(this, &Memory::transport);
  }
  void transport(tlm::tlm_generic_payload& t, sc_core::sc_time& delay) {
    const uint64_t address = t.get_address(), length = t.get_data_length();
    if (address > bytes.size() || length > bytes.size() - address) {
      return t.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    }
    if (t.is_read()) std::memcpy(t.get_data_ptr(), bytes.data() + address, length);
    if (t.is_write()) std::memcpy(bytes.data() + address, t.get_data_ptr(), length);
    delay += sc_core::sc_time(10, sc_core::SC_NS);
    t.set_response_status(tlm::TLM_OK_RESPONSE);
  }
};

struct Driver : sc_core::sc_module {
  tlm_utils::simple_initiator_socket<Driver> registers{"registers"};
  tlm_utils::simple_initiator_socket<Driver> parameters{"parameters"};
  sc_core::sc_in<bool> interrupt{"interrupt"};
  std::vector<uint8_t> weights;
  uint32_t error = ~0u;

  explicit Driver(const sc_core::sc_module_name& name) : sc_module(name) {
    SC_HAS_PROCESS(Driver);
    SC_THREAD(run);
  }
  template <typename Socket>
  void access(Socket& socket, tlm::tlm_command command, uint64_t at, void* data, size_t length) {
    tlm::tlm_generic_payload t;
    sc_core::sc_time delay;
    t.set_command(command);
    t.set_address(at);
    t.set_data_ptr(static_cast<uint8_t*>(data));
    t.set_data_length(static_cast<unsigned>(length));
    t.set_streaming_width(static_cast<unsigned>(length));
    socket->b_transport(t, delay);
    wait(delay);
    if (t.is_response_error()) std::printf("%s\n", t.get_response_string().c_str());
  }
  void write(Register at, uint32_t data) {
    access(registers, tlm::TLM_WRITE_COMMAND, static_cast<uint64_t>(at), &data, sizeof data);
  }
  uint32_t read(Register at) {
    uint32_t data = 0;
    access(registers, tlm::TLM_READ_COMMAND, static_cast<uint64_t>(at), &data, sizeof data);
    return data;
  }
  void run() {
    access(parameters, tlm::TLM_WRITE_COMMAND, 0, weights.data(), weights.size());
    write(Register::image_count, 2);
    write(Register::image_address, 0x1000);
    write(Register::result_address, 0x8000);
    write(Register::control, cosim::control_start | cosim::control_interrupt);
    if (!interrupt.read()) wait(interrupt.posedge_event());
    const uint32_t status = read(Register::status);
    error = read(Register::error);
    write(Register::status, status);                 // and the interrupt falls
    if ((status & cosim::status_done) == 0) return;  // the next start may come at once
    std::printf("%u images in %u cycles\n", read(Register::images_done),
                read(Register::total_cycles));
  }
};

int sc_main(int, char*[]) {
  Network network = zoo_network("tfc-w1a1");  // or read_model("tfc.h5") of workloads/model_file.h
  for (Layer& layer : network.layers) {       // nobody trained it: any weights will do
    for (int8_t& weight : layer.weights) weight = 1;
  }
  const dataflow::DataflowAccelerator accelerator = dataflow::auto_dataflow(network, 1000);
  cosim::DataflowDeviceModule device("device", network, accelerator);
  Memory memory("memory");
  Driver driver("driver");
  sc_core::sc_signal<bool> interrupt("interrupt");
  driver.registers.bind(device.registers);
  driver.parameters.bind(device.parameters.socket);
  device.memory_socket().bind(memory.socket);
  device.interrupt(interrupt);
  driver.interrupt(interrupt);

  const dataflow::StreamSpec words = dataflow::build_chain(accelerator, network).streams.front();
  driver.weights = cosim::parameter_bytes(network);
  for (int i = 0; i < 2; ++i) {
    const int32_t level = i == 0 ? -1 : 1;
    const Tensor image{network.input(), std::vector<int32_t>(network.input().size(), level)};
    const auto bytes = dataflow::image_bytes(image, network.layers.front().input_format,
                                             words.words_per_image, words.word_bits());
    std::copy(bytes.begin(), bytes.end(), memory.bytes.begin() + 0x1000 + i * bytes.size());
  }
  sc_core::sc_start();
  int32_t scores[20];
  std::memcpy(scores, memory.bytes.data() + 0x8000, sizeof scores);
  for (int i = 0; i < 20; ++i) std::printf("%d%c", scores[i], i % 10 == 9 ? '\n' : ' ');
  if (driver.error != 0) std::printf("error %u: %s\n", driver.error, device.explain().c_str());
  return static_cast<int>(driver.error);
}
