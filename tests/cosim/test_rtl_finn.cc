// A sliding window and an MVU in SystemVerilog with the mechanisms of FINN's parts in RTL against
// ours: the same words in the same cycles, for random shapes and folds, whatever stalls, and with a
// stuck bit in what they store.
#include <Vreplay_mvu.h>
#include <Vring_window.h>

#include "models/cosim/stream_comparison.h"
#include "models/dataflow/part_program.h"
#include "models/dataflow/rtl_parts_module.h"
#include "tests/cosim/rtl_fixture.h"
#include "tests/cosim/stalling_ends.h"
#include "tests/models/dataflow/random_window.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/random_network.h"

using namespace stuckat;
using test::uniform;

namespace {

struct StuckBit {
  bool in_ours = false, in_rtl = false;
  int kind = 1, pe = 0, address = 0, bit = 0;
  bool one = false;
};

/// Words in, and how both ends stall.
struct WordsScene {
  int in_depth, out_depth;
  std::vector<uint64_t> words;
  test::Stalls source, sink;

  WordsScene(test::Random& random, int64_t in, int64_t out, int bits)
      : in_depth(uniform(random, 1, 4)), out_depth(uniform(random, 1, 4)) {
    const int slow_source = uniform(random, 0, 6), slow_sink = uniform(random, 0, 6);
    for (int64_t i = 0; i < in; ++i) {
      words.push_back(random() & dataflow::low_mask(bits));
      source.push_back(uniform(random, 0, 9) < slow_source ? uniform(random, 0, 12) : 0);
    }
    for (int64_t i = 0; i < out; ++i) {
      sink.push_back(uniform(random, 0, 9) < slow_sink ? uniform(random, 0, 24) : 0);
    }
  }
};

struct PartSide {
  kernel::Stream in, out;
  test::StallingSource source;
  test::StallingSink sink;

  PartSide(const std::string& name, const WordsScene& scene, int in_bits, int out_bits)
      : in((name + "_in").c_str(), scene.in_depth, in_bits),
        out((name + "_out").c_str(), scene.out_depth, out_bits),
        source((name + "_source").c_str(), in, scene.words, scene.source),
        sink((name + "_sink").c_str(), out, scene.sink) {}
};

using Number = sc_core::sc_signal<sc_dt::sc_bv<16>>;

/// RTL in place of `rtl` beside ours, whose module is built: "" if both did the same. bind: the
/// ports that say its shape.
template <typename Rtl, int in_width, int out_width>
std::string compare(PartSide& ours, PartSide& rtl, const StuckBit& stuck, int64_t words_per_packet,
                    int lane_bits, const std::function<void(Rtl&)>& bind) {
  test::RtlBench<Rtl, in_width, out_width> bench(
      rtl.in, rtl.out, words_per_packet, kernel::Discipline::flushing, 0, 2000,
      [&](Rtl& v, auto&) { bind(v); },
      [&] {  // words after the last window too
        return rtl.sink.status() == kernel::StepStatus::done &&
               rtl.source.status() == kernel::StepStatus::done &&
               rtl.in.popped() == rtl.in.pushed();
      });
  if (stuck.in_rtl) {
    bench.fault.kind.write(stuck.kind);
    bench.fault.pe.write(stuck.pe);
    bench.fault.address.write(stuck.address);
    bench.fault.index.write(stuck.bit);
    bench.fault.one.write(stuck.one);
  }
  cosim::StreamComparison in("in", 1, ours.in, rtl.in);
  cosim::StreamComparison out("out", lane_bits, ours.out, rtl.out);
  const std::string verdict = bench.run();
  if (!verdict.empty()) return verdict;
  if (out.compared() == 0) return "nothing compared";
  const std::string difference = out.final_difference();
  return difference.empty() ? in.final_difference() : difference;
}

constexpr int window_bits = 4;

std::string run_window(uint64_t seed, StuckBit stuck) {
  test::Random random(seed);
  dataflow::WindowShape shape = test::random_window(random);
  while (!shape.fits_ring() || shape.ring_words() > 1024) shape = test::random_window(random);
  const int64_t images = uniform(random, 1, 3);
  const dataflow::RtlWindowProgram program{shape};
  const WordsScene scene(random, images * program.words_read_per_image(),
                         images * program.words_written_per_image(), window_bits);
  PartSide ours("ours", scene, window_bits, window_bits),
      rtl("rtl", scene, window_bits, window_bits);
  dataflow::RtlWindowModule window("ours_window", ours.in, ours.out, shape,
                                   {dataflow::cycles_per_image(program), &images});
  stuck.address = uniform(random, 0, static_cast<int>(shape.ring_words()) - 1);
  stuck.bit = uniform(random, 0, window_bits - 1);
  if (stuck.in_ours) window.ring().stick(stuck.address, stuck.bit, stuck.one);
  Number kernel, stride, height, width, words;
  sc_core::sc_signal<bool> by_channels;
  kernel.write(shape.kernel.height);
  stride.write(shape.stride.height);
  height.write(shape.height);
  width.write(shape.width);
  words.write(shape.words_per_pixel);
  by_channels.write(shape.by_channels);
  return compare<Vring_window, 8, 8>(ours, rtl, stuck, program.words_written_per_image(),
                                     window_bits, [&](Vring_window& v) {
                                       v.kernel(kernel);
                                       v.stride(stride);
                                       v.height(height);
                                       v.width(width);
                                       v.words(words);
                                       v.by_channels(by_channels);
                                     });
}

constexpr int sum_bits = 8, pe = 2, simd = 4;

std::string run_mvu(uint64_t seed, StuckBit stuck) {
  test::Random random(seed);
  const int synapse_fold = uniform(random, 1, 20);
  const int neuron_fold = seed % 4 == 3 ? 1 : uniform(random, 2, 6);
  const int columns = synapse_fold * simd, rows = neuron_fold * pe;
  const NumberFormat binary = quantized_format(1);
  const Layer layer = test::random_layer(random, LayerKind::dense, {1, 1, columns}, binary, binary,
                                         binary, 1, 1, 0, rows, "layer0", false);
  const PeArray array{
      "layer0/mvtu", pe, simd, Schedule::channel_parallel, {{0, rows, columns, sum_bits, 8}}};
  const int64_t windows = uniform(random, 1, 12);
  const WordsScene scene(random, windows * synapse_fold, windows * neuron_fold, simd);
  test::TemporaryFolder folder;
  test::give_parameters(folder, layer, array);
  PartSide ours("ours", scene, simd, pe * sum_bits), rtl("rtl", scene, simd, pe * sum_bits);
  const dataflow::RtlMvuShape shape{synapse_fold, neuron_fold, 1};
  dataflow::Mvtu core(layer, array, true);
  dataflow::RtlMvuModule mvu("ours_mvu", ours.in, ours.out, shape,
                             {shape.steps_per_image(), &windows}, core);
  if (stuck.kind == 1) {
    stuck.address = uniform(random, 0, static_cast<int>(shape.replay_words()) - 1);
    stuck.bit = uniform(random, 0, simd - 1);
    if (stuck.in_ours) mvu.replay_buffer().stick(stuck.address, stuck.bit, stuck.one);
  } else {
    stuck.address = uniform(random, 0, 1);
    stuck.pe = uniform(random, 0, pe - 1);
    stuck.bit = uniform(random, 0, sum_bits - 1);
    if (stuck.in_ours) {
      mvu.stick_register(stuck.address, stuck.pe * sum_bits + stuck.bit, stuck.one);
    }
  }
  Number folds[2];
  folds[0].write(synapse_fold);
  folds[1].write(neuron_fold);
  return compare<Vreplay_mvu, 8, 16>(ours, rtl, stuck, neuron_fold, sum_bits, [&](Vreplay_mvu& v) {
    v.synapse_fold(folds[0]);
    v.neuron_fold(folds[1]);
  });
}

/// Parts 0 and 1 are windows, 2 and 3 MVUs, 3 with one neuron fold.
std::string run_any(int part, uint64_t seed, const StuckBit& stuck) {
  return part < 2 ? run_window(seed, stuck) : run_mvu(seed, stuck);
}

}  // namespace

TEST_CASE("parts_with_the_mechanisms_of_finns_rtl_give_the_same_words_in_the_same_cycles") {
  for (uint64_t seed = 0; seed < 240; ++seed) {
    INFO("seed " << seed);
    REQUIRE(test::in_child([&] { return run_any(static_cast<int>(seed % 4), seed, {}); }) == "");
  }
}

TEST_CASE("a_stuck_bit_in_what_they_store_is_the_one_armed_in_ours") {
  int seen = 0;
  for (uint64_t seed = 1000; seed < 1080; ++seed) {
    INFO("seed " << seed);
    const auto part = static_cast<int>(seed % 4);
    StuckBit stuck{true, true};
    stuck.one = seed % 8 < 4;
    // The first MVU in its buffer and its registers, the second has no buffer.
    stuck.kind = part == 3 || (part == 2 && seed % 16 < 8) ? 2 : 1;
    REQUIRE(test::in_child([&] { return run_any(part, seed, stuck); }) == "");
    stuck.in_rtl = false;
    const std::string one_sided = test::in_child([&] { return run_any(part, seed, stuck); });
    if (one_sided.empty()) continue;
    ++seen;
    CHECK_THAT(one_sided, Catch::StartsWith("word ") && Catch::Contains(" of out: is 0x"));
  }
  CHECK(seen > 20);
}
