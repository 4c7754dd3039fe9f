// The same network on a dataflow, a loopback and a systolic accelerator, each behind a bus of its
// own, driven as a driver would: writes parameters and images, starts, waits for the interrupt,
// reads results.
#include "driver.h"
#include "models/cosim/dataflow_device_module.h"
#include "models/cosim/loopback_device_module.h"
#include "models/cosim/systolic_device_module.h"
#include "models/dataflow/image_words.h"
#include "models/loopback/stored_tiles.h"
#include "models/memory/stored_tensor.h"
#include "models/systolic/stored_tiles.h"
#include "random_parameters.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

using namespace stuckat;

namespace {

constexpr int image_count = 5;

/// A device, its memory and its host.
struct System {
  Memory memory;
  Host host;
  sc_core::sc_signal<bool> interrupt;
  cosim::DeviceModule& device;

  System(const std::string& name, const Work& work, cosim::DeviceModule& d)
      : memory((name + "_memory").c_str()),
        host((name + "_host").c_str(), work, memory),
        device(d) {
    host.registers.bind(device.registers);
    device.memory_socket().bind(memory.socket);
    device.interrupt(interrupt);
    host.interrupt(interrupt);
  }
  bool succeeded() const {
    if (!host.finished) std::printf("%s\n", device.explain().c_str());
    return host.finished && host.failures == 0;
  }
};

}  // namespace

int sc_main(int, char*[]) {
  std::mt19937 random(7);
  const Network shape = zoo_network("tfc-w1a1");  // the devices know no weights
  Network network = shape;
  for (Layer& layer : network.layers) fill_randomly(layer, random);
  const auto dataflow = dataflow::auto_dataflow(network, 1000);
  const auto words = dataflow::build_chain(dataflow, network).streams.front();
  loopback::LoopbackAccelerator array;
  array.name = "8x32";
  array.pe = 8;
  array.simd = 32;

  Work for_dataflow{cosim::parameter_bytes(network), {}, {}};
  Work for_loopback{loopback::stored_tiles(array, network), {}, {}};
  const auto grid = systolic::parse_systolic("systolic:16x16:memory");
  Work for_systolic{systolic::stored_tiles(grid, network), {}, {}};
  for (int i = 0; i < image_count; ++i) {
    Tensor image{network.input(), {}};
    for (int j = 0; j < network.input().size(); ++j) {
      image.values.push_back(random() % 2 == 0 ? 1 : -1);
    }
    const auto expected = reference::run(network, image).back().values;
    for_dataflow.images.push_back(dataflow::image_bytes(image, network.layers.front().input_format,
                                                        words.words_per_image, words.word_bits()));
    for_dataflow.expected.push_back(expected);
    for_loopback.images.push_back(memory::stored_tensor(network, 0, image));
    for_loopback.expected.push_back(expected);
    for_systolic.images.push_back(for_loopback.images.back());
    for_systolic.expected.push_back(expected);
  }

  tlm::tlm_global_quantum::instance().set(sc_core::sc_time(1, sc_core::SC_US));
  cosim::DataflowDeviceModule chain("chain", shape, dataflow);
  cosim::LoopbackDeviceModule loop("loop", shape, array);
  cosim::SystolicDeviceModule mesh("mesh", shape, grid);
  System one("dataflow", for_dataflow, chain), other("loopback", for_loopback, loop);
  System third("systolic", for_systolic, mesh);
  one.host.parameters.bind(chain.parameters.socket);
  sc_core::sc_start();
  const bool all = one.succeeded() & other.succeeded() & third.succeeded();
  return all ? 0 : 1;
}
