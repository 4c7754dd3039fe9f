// A layer in SystemVerilog takes its place in the pipeline of a whole accelerator, which runs
// beside one that is all ours.
#include <Vdense_layer.h>

#include <catch2/catch.hpp>

#include "models/cosim/axi_stream_module.h"
#include "models/cosim/stream_comparison.h"
#include "models/cosim/watchdog_module.h"
#include "models/dataflow/elaboration_module.h"
#include "models/dataflow/image_words.h"
#include "models/dataflow/placement.h"
#include "tests/cosim/rtl_fixture.h"
#include "tests/support/in_child.h"
#include "tests/support/random_network.h"
#include "workloads/errors.h"

using namespace stuckat;
using namespace stuckat::dataflow;
using test::uniform;

namespace {

/// 24 fixed-point values, dense to 32, 16 and 10; layer 1 is what rtl/dense_layer.sv is by default.
Network random_network(test::Random& random) {
  Network network;
  network.name = "dense";
  Shape shape{1, 1, 24};
  NumberFormat format = fixed_point_format;
  for (const int width : {32, 16, 10}) {
    network.layers.push_back(test::random_layer(
        random, LayerKind::dense, shape, format, quantized_format(1), quantized_format(1), 1, 1, 0,
        width, "layer" + std::to_string(network.layers.size()), width == 10));
    shape = network.layers.back().output;
    format = network.layers.back().output_format;
  }
  return network;
}

DataflowAccelerator random_accelerator(test::Random& random) {
  DataflowAccelerator accelerator;
  accelerator.name = "dense";
  accelerator.discipline = uniform(random, 0, 1) == 0 ? Discipline::flushing : Discipline::stalling;
  accelerator.layers.resize(3);
  // The neighbours are slower or faster than layer 1: it is starved, or blocked.
  accelerator.layers[0].pe = 16;
  accelerator.layers[0].simd = uniform(random, 0, 1) == 0 ? 24 : 1;
  accelerator.layers[0].out_depth = uniform(random, 1, 5);
  accelerator.layers[1] = {2, 4, 6, 7, 0, 8, uniform(random, 1, 5), 2};
  accelerator.layers[2].pe = uniform(random, 0, 1) == 0 ? 10 : 1;
  accelerator.layers[2].simd = 1 << uniform(random, 0, 3);
  return accelerator;
}

/// A chain below a module of its own, so that two have a place in one simulation.
struct Pipeline : sc_core::sc_module {
  Pipeline(const sc_core::sc_module_name& name, const Chain& chain,
           const DataflowAccelerator& accelerator, const Network& network,
           const Placement& placement, const std::vector<std::vector<uint64_t>>& images,
           const std::vector<size_t>& left_out)
      : sc_module(name), parts(chain, accelerator, network, placement, images, left_out) {}
  ElaboratedChain parts;
};

std::string run(uint64_t seed, bool faulty) {
  test::Random random(seed);
  const Network network = random_network(random);
  const DataflowAccelerator accelerator = random_accelerator(random);
  validate(accelerator, network);
  const Placement placement = place(accelerator, network);
  const Chain chain = build_chain(accelerator, network);
  const PeArray& array = placement.arrays[1];
  test::TemporaryFolder folder;
  test::give_parameters(folder, network.layers[1], array);
  std::vector<std::vector<uint64_t>> words;
  for (int i = uniform(random, 1, 6); i > 0; --i) {
    words.push_back(image_words(test::random_image(random, network), fixed_point_format,
                                chain.streams[0].words_per_image, chain.streams[0].word_bits()));
  }
  const auto images = static_cast<int64_t>(words.size());

  const auto cut = stages_between(chain, "layer1/input_converter", "layer1/output_converter");
  Pipeline ours("ours", chain, accelerator, network, placement, words, {});
  Pipeline rtl("rtl", chain, accelerator, network, placement, words, cut);
  kernel::Stream& in = rtl.parts.stream(cut.front() - 1);
  kernel::Stream& out = rtl.parts.stream(cut.back());

  test::ClockAndReset time("time");
  cosim::AxiStreamSignals<16> s("s_axis");
  cosim::AxiStreamSignals<8> m("m_axis");
  cosim::StreamToPins<16> to_pins("to_pins", in);
  cosim::PinsToStream<8> from_pins("from_pins", out, {chain.streams[cut.back()].words_per_image});
  to_pins.bind(s);
  from_pins.bind(m);
  to_pins.aclk(time.clock);
  to_pins.aresetn(time.resetn);
  from_pins.aclk(time.clock);
  from_pins.aresetn(time.resetn);
  Vdense_layer v("v");
  sc_core::sc_signal<bool> stalling;
  sc_core::sc_signal<sc_dt::sc_bv<32>> images_port;
  test::FaultPorts fault_ports;
  v.aclk(time.clock);
  v.aresetn(time.resetn);
  v.stalling(stalling);
  v.images(images_port);
  fault_ports.bind(v);
  v.s_axis_tdata(s.tdata);
  v.s_axis_tvalid(s.tvalid);
  v.s_axis_tready(s.tready);
  v.m_axis_tdata(m.tdata);
  v.m_axis_tlast(m.tlast);
  v.m_axis_tvalid(m.tvalid);
  v.m_axis_tready(m.tready);
  stalling.write(accelerator.discipline == Discipline::stalling);
  images_port.write(static_cast<int>(images));
  if (faulty) {
    const Fault fault{SiteKind::pe_accumulator,
                      array.name,
                      {uniform(random, 0, 1), uniform(random, 0, 5)},
                      uniform(random, 0, 1)};
    fault_ports.set(fault);
    ours.parts.arm(fault);
    // A part that is not there claims no fault.
    try {
      rtl.parts.arm(fault);
      return "armed on a part that RTL replaces";
    } catch (const InputError&) {
    }
  }

  std::vector<std::unique_ptr<cosim::StreamComparison>> comparisons;
  for (size_t i = 0; i < chain.streams.size(); ++i) {
    if (i >= cut.front() && i < cut.back()) continue;
    comparisons.push_back(
        std::make_unique<cosim::StreamComparison>(chain.streams[i].name, chain.streams[i].lane_bits,
                                                  ours.parts.stream(i), rtl.parts.stream(i)));
  }
  cosim::WatchdogModule watchdog(
      "watchdog", 2000,
      {[&] { return static_cast<int64_t>(rtl.parts.writer().arrivals().size()) == images; },
       [&] { return to_pins.words() + from_pins.words(); },
       [&] { return to_pins.explain() + "; " + from_pins.explain(); }});
  watchdog.aclk(time.clock);
  sc_core::sc_start();

  if (!watchdog.verdict().empty()) return watchdog.verdict();
  if (!from_pins.violation().empty()) return from_pins.violation();
  for (const auto& comparison : comparisons) {
    if (comparison->compared() < 2 * images) return "nothing compared";
    const std::string difference = comparison->final_difference();
    if (!difference.empty()) return difference;
  }
  const bool same = ours.parts.writer().words() == rtl.parts.writer().words() &&
                    ours.parts.writer().arrivals() == rtl.parts.writer().arrivals();
  return same ? "" : "results differ";
}

}  // namespace

TEST_CASE("a_layer_in_rtl_takes_its_place_in_the_accelerator_and_no_cycle_changes") {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    INFO("seed " << seed);
    REQUIRE(test::in_child([&] { return run(seed, false); }) == "");
  }
}

TEST_CASE("a_stuck_accumulator_bit_of_a_layer_in_rtl_equals_ours_to_the_last_result") {
  for (uint64_t seed = 100; seed < 130; ++seed) {
    INFO("seed " << seed);
    REQUIRE(test::in_child([&] { return run(seed, true); }) == "");
  }
}
