// Accelerators behind a bus whose memory takes its time, answers in an order of its own, or not at
// all.
#include <catch2/catch.hpp>

#include "tests/cosim/device_system.h"

using namespace stuckat;
using namespace stuckat::cosim;
using namespace stuckat::test;

namespace {

/// A layer whose windows leave out rows and columns at the lower end of the image, and a dense one.
Workload<DataflowKind> words_behind_the_last_window(LayerKind kind, int size, int kernel) {
  Random random(5);
  const NumberFormat bits = quantized_format(1);
  Workload<DataflowKind> w;
  w.network.name = "words_behind";
  w.network.layers = {random_layer(random, kind, {size, size, 8}, bits, bits, bits, kernel, 4, 0,
                                   kind == LayerKind::convolution ? 4 : 0, "layer0", false)};
  const Layer& layer = w.network.layers.front();
  w.network.layers.push_back(random_layer(random, LayerKind::dense, layer.output,
                                          layer.output_format, bits, bits, 1, 1, 0, 4, "layer1",
                                          true));
  w.accelerator = dataflow::auto_dataflow(w.network, 1000);
  w.accelerator.clock_mhz = 100;
  for (int i = 0; i < 2; ++i) w.images.push_back(random_image(random, w.network));
  return w;
}

}  // namespace

TEST_CASE("a_run_is_done_when_its_last_word_has_been_read_and_the_next_one_starts") {
  const auto [kind, size, kernel] = GENERATE(
      table<LayerKind, int, int>({{LayerKind::convolution, 8, 1}, {LayerKind::max_pool, 9, 2}}));
  const bool waits = GENERATE(true, false);
  const double quantum_us = GENERATE(0., 1000.);
  CHECK(in_child([&, kind = kind, size = size, kernel = kernel]() -> std::string {
          const auto w = words_behind_the_last_window(kind, size, kernel);
          tlm::tlm_global_quantum::instance().set(sc_core::sc_time(quantum_us, sc_core::SC_US));
          DeviceParams params;
          params.burst_bytes = 1;
          System<DataflowKind> system(w, params);
          system.memory.latency = sc_core::sc_time(10, sc_core::SC_US);
          system.memory.waits = waits;
          std::string verdict = "not finished";
          system.run([&](Host& host) {
            verdict = "";
            DataflowKind::put_parameters(system, w, w.network);
            put_images(system, w);
            host.wait(host.delay);
            host.delay = sc_core::SC_ZERO_TIME;
            uint64_t cycles = 0;
            for (int run = 0; run < 3; ++run) {
              const int64_t images = system.device.images_entered();
              verdict += differs("start", static_cast<uint64_t>(start(host, 2)),
                                 static_cast<uint64_t>(tlm::TLM_OK_RESPONSE));
              host.delay = sc_core::SC_ZERO_TIME;
              const std::string before = system.device.explain();
              if (before != "device is about to start") verdict += "at first: " + before + "; ";
              // The results are there before the last words of the last image are.
              for (int us = 0; us < 3000; ++us) {
                host.wait(sc_core::sc_time(1, sc_core::SC_US));
                if (!waits || system.device.peek(Register::images_done) == 2) break;
              }
              const std::string behind = system.device.explain();
              if (waits && behind.find("device waits for memory: a read of") != 0) {
                verdict += "behind the results: " + behind + "; ";
              }
              host.wait_for_interrupt();
              verdict += differs("status", host.read(at(Register::status)), status_done);
              verdict += differs("read", host.read(at(Register::bytes_read)),
                                 2 * host.read(at(Register::image_bytes)));
              if (run == 0) cycles = host.read(at(Register::total_cycles));
              verdict += differs("cycles", host.read(at(Register::total_cycles)), cycles);
              verdict += check_results(system, w, images, 2);
              acknowledge(host);
              host.wait(sc_core::sc_time(1, sc_core::SC_US));
            }
            sc_core::sc_stop();
          });
          return verdict;
        }) == "");
}
