// An MVTU in SystemVerilog against ours: the same words in the same cycles, whatever stalls.
#include <Vmvtu.h>

#include "models/cosim/stream_comparison.h"
#include "models/dataflow/mvtu_module.h"
#include "tests/cosim/rtl_fixture.h"
#include "tests/cosim/stalling_ends.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/random_network.h"

using namespace stuckat;
using test::uniform;

namespace {

constexpr int windows_per_packet = 3;
const PeArray array{"layer0/mvtu", 4, 8, Schedule::channel_parallel, {{0, 8, 32, 6, 7}}};

struct Scene {
  Layer layer;
  kernel::Discipline discipline;
  int in_depth, out_depth;
  std::vector<uint64_t> words;
  test::Stalls source, sink;
};

Scene random_scene(test::Random& random) {
  const NumberFormat binary = quantized_format(1);
  Scene scene{
      test::random_layer(random, LayerKind::dense, {1, 1, 32}, binary, binary, binary, 1, 1, 0, 8,
                         "layer0", false),
      uniform(random, 0, 1) == 0 ? kernel::Discipline::flushing : kernel::Discipline::stalling,
      uniform(random, 1, 4),
      uniform(random, 1, 4),
      {},
      {},
      {}};
  const int windows = windows_per_packet * uniform(random, 1, 5);
  const int source = uniform(random, 0, 6), sink = uniform(random, 0, 6);
  for (int i = 0; i < windows * 4; ++i) {
    scene.words.push_back(random() & 0xff);
    scene.source.push_back(uniform(random, 0, 9) < source ? uniform(random, 0, 12) : 0);
  }
  for (int i = 0; i < windows * 2; ++i) {
    scene.sink.push_back(uniform(random, 0, 9) < sink ? uniform(random, 0, 24) : 0);
  }
  return scene;
}

Fault random_fault(test::Random& random) {
  const auto& kinds = test::FaultPorts::kinds();
  Fault fault{kinds[static_cast<size_t>(uniform(random, 0, static_cast<int>(kinds.size()) - 1))],
              array.name,
              {uniform(random, 0, 3)},
              uniform(random, 0, 1)};
  auto& at = fault.coordinates;
  switch (fault.kind) {
    case SiteKind::pe_weight:
      at = {at[0], uniform(random, 0, 7), uniform(random, 0, 7), 0};
      break;
    case SiteKind::pe_threshold:
      at = {at[0], uniform(random, 0, 1), 0, uniform(random, 0, 6)};
      break;
    case SiteKind::pe_accumulator:
      at[1] = uniform(random, 0, 5);
      break;
    case SiteKind::pe_input:
    case SiteKind::pe_product:
      at[1] = uniform(random, 0, 7);
      break;
    default:
      break;
  }
  return fault;
}

/// Source, the MVTU between two streams, sink.
struct Side {
  kernel::Stream in, out;
  test::StallingSource source;
  test::StallingSink sink;

  Side(const std::string& name, const Scene& scene)
      : in((name + "_in").c_str(), scene.in_depth, 8),
        out((name + "_out").c_str(), scene.out_depth, 4),
        source((name + "_source").c_str(), in, scene.words, scene.source),
        sink((name + "_sink").c_str(), out, scene.sink) {}
};

/// "" if RTL and ours did the same; the fault of either side may be left out.
std::string run(const Scene& scene, const Fault* in_rtl, const Fault* in_ours) {
  test::TemporaryFolder folder;
  test::give_parameters(folder, scene.layer, array);
  const int64_t windows = static_cast<int64_t>(scene.sink.size()) / 2;

  Side ours("ours", scene), rtl("rtl", scene);
  dataflow::Mvtu core(scene.layer, array);
  if (in_ours != nullptr) core.arm(*in_ours);
  dataflow::MvtuModule mvtu("ours_mvtu", ours.in, ours.out, {6, scene.discipline, 1, &windows},
                            core);

  test::RtlBench<Vmvtu, 8, 8> bench(
      rtl.in, rtl.out, 2 * windows_per_packet, scene.discipline, windows, 1000,
      [](Vmvtu& v, auto& count) { v.windows(count); },
      [&] { return rtl.sink.status() == kernel::StepStatus::done; });
  if (in_rtl != nullptr) bench.fault.set(*in_rtl);

  cosim::StreamComparison in("in", 1, ours.in, rtl.in), out("out", 1, ours.out, rtl.out);
  const std::string verdict = bench.run();
  if (!verdict.empty()) return verdict;
  if (out.compared() < 4 * windows) return "compared " + std::to_string(out.compared());
  const std::string difference = out.final_difference();
  return difference.empty() ? in.final_difference() : difference;
}

}  // namespace

TEST_CASE("an_rtl_mvtu_gives_the_same_words_in_the_same_cycles_whatever_stalls") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Scene scene = random_scene(random);
    REQUIRE(test::in_child([&] { return run(scene, nullptr, nullptr); }) == "");
  }
}

TEST_CASE("a_stuck_at_in_rtl_equals_the_fault_armed_in_ours") {
  int seen = 0;
  for (uint64_t seed = 1000; seed < 1060; ++seed) {
    test::Random random(seed);
    const Scene scene = random_scene(random);
    const Fault fault = random_fault(random);
    INFO("seed " << seed << " " << name(fault));
    REQUIRE(test::in_child([&] { return run(scene, &fault, &fault); }) == "");
    if (seed >= 1030) continue;
    // On one side only: never a cycle, and where a bit differs the comparison names word and lane.
    const std::string one_sided = test::in_child([&] { return run(scene, &fault, nullptr); });
    if (one_sided.empty()) continue;
    ++seen;
    CHECK_THAT(one_sided, Catch::StartsWith("word ") && Catch::Contains(" of out: is 0x") &&
                              Catch::Contains("lane " + std::to_string(fault.coordinates[0])));
  }
  CHECK(seen > 10);
}
