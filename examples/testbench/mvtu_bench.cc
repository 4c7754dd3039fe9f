// Our MVTU as a device under test between pins: a producer and a consumer of one's own drive its
// AXI4-Stream ports with a clock, here with pauses. Every output is compared with the reference,
// and pins.vcd shows the handshakes.
#include <cstdio>
#include <systemc>

#include "models/cosim/axi_stream_module.h"
#include "models/dataflow/mvtu_module.h"
#include "random_parameters.h"
#include "workloads/reference.h"
#include "workloads/zoo.h"

using namespace stuckat;

namespace {

constexpr int pe = 8, simd = 16;

/// Sends the words of `inputs`, one in three cycles.
struct Producer : sc_core::sc_module {
  sc_core::sc_in<bool> clock{"clock"};
  cosim::AxiStreamSignals<simd>& pins;
  const std::vector<uint32_t>& words;

  Producer(const sc_core::sc_module_name& name, cosim::AxiStreamSignals<simd>& p,
           const std::vector<uint32_t>& w)
      : sc_module(name), pins(p), words(w) {
    SC_HAS_PROCESS(Producer);
    SC_THREAD(send);
    sensitive << clock.pos();
  }
  void send() {
    for (const uint32_t word : words) {
      wait(2);
      pins.tdata.write(word);
      pins.tvalid.write(true);
      do {
        wait();
      } while (!pins.tready.read());
      pins.tvalid.write(false);
    }
  }
};

/// Takes words in every second cycle and stops the simulation after `count`.
struct Consumer : sc_core::sc_module {
  sc_core::sc_in<bool> clock{"clock"};
  cosim::AxiStreamSignals<pe>& pins;
  std::vector<uint32_t> words;
  size_t count;

  Consumer(const sc_core::sc_module_name& name, cosim::AxiStreamSignals<pe>& p, size_t n)
      : sc_module(name), pins(p), count(n) {
    SC_HAS_PROCESS(Consumer);
    SC_THREAD(take);
    sensitive << clock.pos();
  }
  void take() {
    while (words.size() < count) {
      pins.tready.write(!pins.tready.read());
      wait();
      if (pins.tvalid.read() && pins.tready.read()) words.push_back(pins.tdata.read().to_uint());
    }
    sc_core::sc_pause();
  }
};

}  // namespace

int sc_main(int, char*[]) {
  std::mt19937 random(1);
  Network network = zoo_network("tfc-w1a1");
  Layer& layer = network.layers[1];  // 64 inputs, 64 outputs
  fill_randomly(layer, random);
  const PeArray array{"mvtu", pe, simd, Schedule::channel_parallel, {{1, 64, 64, 7, 8}}};

  const int64_t windows = 20;
  std::vector<uint32_t> inputs;
  for (int64_t i = 0; i < windows * 64 / simd; ++i) inputs.push_back(random() & 0xffff);

  kernel::Stream in("in", 2, simd), out("out", 2, pe);
  dataflow::Mvtu core(layer, array);
  const int64_t images = 1;
  dataflow::MvtuModule mvtu("mvtu", in, out, {6, kernel::Discipline::flushing, windows, &images},
                            core);
  sc_core::sc_clock clock("clock", 10, sc_core::SC_NS, 0.5, 10, sc_core::SC_NS, true);
  sc_core::sc_signal<bool> resetn("resetn", true);
  cosim::AxiStreamSignals<simd> s("s");
  cosim::AxiStreamSignals<pe> m("m");
  cosim::PinsToStream<simd> from_pins("from_pins", in);
  cosim::StreamToPins<pe> to_pins("to_pins", out);
  from_pins.bind(s);
  to_pins.bind(m);
  from_pins.aclk(clock);
  from_pins.aresetn(resetn);
  to_pins.aclk(clock);
  to_pins.aresetn(resetn);
  Producer producer("producer", s, inputs);
  Consumer consumer("consumer", m, static_cast<size_t>(windows) * 64 / pe);
  producer.clock(clock);
  consumer.clock(clock);

  sc_core::sc_trace_file* vcd = sc_core::sc_create_vcd_trace_file("pins");
  vcd->set_time_unit(1, sc_core::SC_NS);
  sc_core::sc_trace(vcd, clock, "clock");
  s.trace(vcd);
  m.trace(vcd);
  from_pins.trace(vcd);
  to_pins.trace(vcd);
  sc_core::sc_start(1, sc_core::SC_MS);
  sc_core::sc_close_vcd_trace_file(vcd);

  int wrong = consumer.words.size() == consumer.count ? 0 : 1;
  for (size_t w = 0; w < consumer.words.size(); ++w) {
    const size_t window = w / (64 / pe);
    Tensor input{layer.input, {}};
    for (size_t c = 0; c < 64; ++c) {
      const uint32_t word = inputs[window * 64 / simd + c / simd];
      input.values.push_back(layer.input_format.value(word >> (c % simd) & 1));
    }
    const Tensor expected = reference::run_layer(layer, input);
    for (size_t lane = 0; lane < pe; ++lane) {
      const uint32_t code = consumer.words[w] >> lane & 1;
      if (layer.output_format.value(code) != expected.values[w % (64 / pe) * pe + lane]) ++wrong;
    }
  }
  std::printf("%zu words, %d wrong\n", consumer.words.size(), wrong);
  return wrong == 0 ? 0 : 1;
}
