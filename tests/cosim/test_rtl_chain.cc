// A layer in SystemVerilog takes its place in the pipeline of a whole accelerator, which runs
// beside one that is all ours.
#include <Vconvolution_layer.h>
#include <Vdense_layer.h>

#include "models/cosim/stream_comparison.h"
#include "models/dataflow/image_words.h"
#include "models/dataflow/placement.h"
#include "tests/cosim/pipeline.h"
#include "tests/cosim/rtl_fixture.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/random_network.h"
#include "workloads/errors.h"

using namespace stuckat;
using namespace stuckat::dataflow;
using test::uniform;

namespace {

/// A network and an accelerator for it, in which RTL is layer 1.
struct ChainScene {
  Network network;
  DataflowAccelerator accelerator;
  const char* first;  // stage of the layer that RTL is
  const char* last;
};

void add_layer(test::Random& random, Network& network, LayerKind kind, Shape input, int kernel,
               int channels) {
  const bool first = network.layers.empty();
  const NumberFormat binary = quantized_format(1);
  network.add(test::random_layer(random, kind, input, first ? fixed_point_format : binary, binary,
                                 binary, kernel, 1, 0, channels,
                                 "layer" + std::to_string(network.layers.size()), channels == 10));
}

DataflowAccelerator random_accelerator(test::Random& random) {
  DataflowAccelerator accelerator;
  accelerator.name = "random";
  accelerator.discipline = uniform(random, 0, 1) == 0 ? Discipline::flushing : Discipline::stalling;
  accelerator.layers.resize(3);
  accelerator.layers[0].out_depth = uniform(random, 1, 5);
  accelerator.layers[2].pe = uniform(random, 0, 1) == 0 ? 10 : 1;
  accelerator.layers[2].simd = 1 << uniform(random, 0, 3);
  return accelerator;
}

/// 24 values, dense to 32, 16 and 10; layer 1 is what rtl/dense_layer.sv is by default. Its
/// neighbours are slower or faster: it is starved, or blocked.
ChainScene dense_scene(test::Random& random) {
  ChainScene scene{
      {}, random_accelerator(random), "layer1/input_converter", "layer1/output_converter"};
  scene.network.name = "dense";
  add_layer(random, scene.network, LayerKind::dense, {1, 1, 24}, 1, 32);
  add_layer(random, scene.network, LayerKind::dense, {1, 1, 32}, 1, 16);
  add_layer(random, scene.network, LayerKind::dense, {1, 1, 16}, 1, 10);
  scene.accelerator.layers[0].pe = 16;
  scene.accelerator.layers[0].simd = uniform(random, 0, 1) == 0 ? 24 : 1;
  scene.accelerator.layers[1] = {.pe = 2,
                                 .simd = 4,
                                 .accumulator_bits = 6,
                                 .threshold_bits = 7,
                                 .word_bits = 8,
                                 .out_depth = uniform(random, 1, 5),
                                 .parts = {}};
  return scene;
}

/// 8x8 pixels, 3x3 to 8 channels, 3x3 to 4, dense to 10; rtl/convolution_layer.sv.
ChainScene convolution_scene(test::Random& random) {
  ChainScene scene{{}, random_accelerator(random), "layer1/sliding_window", "layer1/mvtu"};
  scene.network.name = "convolution";
  add_layer(random, scene.network, LayerKind::convolution, {8, 8, 1}, 3, 8);
  add_layer(random, scene.network, LayerKind::convolution, {6, 6, 8}, 3, 4);
  add_layer(random, scene.network, LayerKind::dense, {4, 4, 4}, 1, 10);
  scene.accelerator.layers[0].pe = 1 << uniform(random, 0, 3);
  scene.accelerator.layers[1] = {.pe = 2,
                                 .simd = 4,
                                 .accumulator_bits = 7,
                                 .threshold_bits = 8,
                                 .out_depth = uniform(random, 1, 5),
                                 .parts = {}};
  return scene;
}

template <typename Rtl, int in_width>
std::string run(uint64_t seed, bool faulty, ChainScene (*random_scene)(test::Random&)) {
  test::Random random(seed);
  const auto [network, accelerator, first, last] = random_scene(random);
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

  const auto cut = stages_between(chain, first, last);
  test::Pipeline ours("ours", chain, accelerator, network, placement, words, {});
  test::Pipeline rtl("rtl", chain, accelerator, network, placement, words, cut);
  test::RtlBench<Rtl, in_width, 8> bench(
      rtl.parts.stream(cut.front() - 1), rtl.parts.stream(cut.back()),
      chain.streams[cut.back()].words_per_image, accelerator.discipline, images, 2000,
      [](Rtl& v, auto& count) { v.images(count); },
      [&] { return static_cast<int64_t>(rtl.parts.writer().arrivals().size()) == images; });
  if (faulty) {
    const Fault fault{
        SiteKind::pe_accumulator,
        array.name,
        {uniform(random, 0, 1), uniform(random, 0, array.uses[0].accumulator_bits - 1)},
        uniform(random, 0, 1)};
    bench.fault.set(fault);
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
  const std::string verdict = bench.run();
  if (!verdict.empty()) return verdict;
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
    REQUIRE(test::in_child([&] { return run<Vdense_layer, 16>(seed, false, dense_scene); }) == "");
  }
}

TEST_CASE("a_convolution_in_rtl_takes_its_place_in_the_accelerator_and_no_cycle_changes") {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    INFO("seed " << seed);
    REQUIRE(test::in_child(
                [&] { return run<Vconvolution_layer, 8>(seed, false, convolution_scene); }) == "");
  }
}

TEST_CASE("a_stuck_accumulator_bit_of_a_layer_in_rtl_equals_ours_to_the_last_result") {
  for (uint64_t seed = 100; seed < 120; ++seed) {
    INFO("seed " << seed);
    REQUIRE(test::in_child([&] { return run<Vdense_layer, 16>(seed, true, dense_scene); }) == "");
    REQUIRE(test::in_child(
                [&] { return run<Vconvolution_layer, 8>(seed, true, convolution_scene); }) == "");
  }
}
