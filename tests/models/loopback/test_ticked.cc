// The cycles of the loopback accelerator against a machine that is ticked cycle by cycle.

#include "models/loopback/activation_plan.h"
#include "models/loopback/simulation.h"
#include "tests/models/loopback/smallest_weight_buffer.h"
#include "tests/models/loopback/ticked_loopback.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/random_graph.h"
#include "tests/support/random_network.h"
#include "workloads/capabilities.h"

using namespace stuckat;
using namespace stuckat::loopback;
using test::uniform;

namespace {

struct Scene {
  Network network;
  LoopbackAccelerator accelerator;
  int images;
};

/// Every parameter that has a cycle to say, from none to more than hides after the steps.
Scene random_scene(uint64_t seed, bool graph = false) {
  test::Random random(seed);
  Scene s{
      graph ? test::random_graph(random) : test::random_network(random), {}, uniform(random, 1, 4)};
  LoopbackAccelerator& a = s.accelerator;
  a.pe = uniform(random, 1, 9);
  a.simd = uniform(random, 1, 20);
  a.schedule = uniform(random, 0, 1) == 0 ? Schedule::channel_parallel : Schedule::pixel_parallel;
  int layers = 0;
  for (const Layer& layer : s.network.layers) layers += layer.has_weights() ? 1 : 0;
  a.host_first_last = layers >= 3 && uniform(random, 0, 2) == 0 && is_chain(s.network);
  a.double_buffering = uniform(random, 0, 1) == 0;
  a.weight_buffer_bytes = test::smallest_weight_buffer(a, s.network) + uniform(random, 0, 600);
  a.control_cycles = uniform(random, 0, 2) * uniform(random, 0, 40);
  a.pipeline_cycles = uniform(random, 0, 1) * uniform(random, 0, 12);
  a.memory = {uniform(random, 1, 12), uniform(random, 0, 1) * uniform(random, 0, 120),
              uniform(random, 1, 80), uniform(random, 1, 6)};
  return s;
}

std::string difference(const std::vector<ImageCycles>& got, const test::TickedLoopback& ticked) {
  std::string text;
  const auto compare = [&](const std::string& what, int64_t cycles, int64_t expected) {
    if (cycles == expected) return;
    text += what + " " + std::to_string(cycles) + ", ticked " + std::to_string(expected) + "; ";
  };
  compare("images", static_cast<int64_t>(got.size()), static_cast<int64_t>(ticked.result.size()));
  int64_t total = 0;
  for (size_t i = 0; i < got.size() && text.empty(); ++i) {
    const ImageCycles& expected = ticked.result[i];
    const std::string image = "image " + std::to_string(i);
    compare(image + " load", got[i].load, expected.load);
    for (size_t l = 0; l < got[i].layers.size(); ++l) {
      const LayerCycles& a = got[i].layers[l];
      const LayerCycles& b = expected.layers.at(l);
      const std::string layer = image + " layer " + std::to_string(l);
      compare(layer + " control", a.control, b.control);
      compare(layer + " waiting", a.waiting, b.waiting);
      compare(layer + " steps", a.steps, b.steps);
      compare(layer + " pipeline", a.pipeline, b.pipeline);
    }
    compare(image + " moves", static_cast<int64_t>(got[i].moves.size()),
            static_cast<int64_t>(expected.moves.size()));
    for (size_t m = 0; m < got[i].moves.size() && text.empty(); ++m) {
      const std::string move = image + " move " + std::to_string(m);
      compare(move + " control", got[i].moves[m].control, expected.moves[m].control);
      compare(move + " steps", got[i].moves[m].steps, expected.moves[m].steps);
      compare(move + " pipeline", got[i].moves[m].pipeline, expected.moves[m].pipeline);
    }
    compare(image + " store", got[i].store, expected.store);
    total += got[i].total();
  }
  compare("total", total, ticked.cycle);
  return text;
}

}  // namespace

TEST_CASE("every cycle of the recurrences is one of the ticked machine") {
  int64_t waiting = 0, tiled = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    const Scene s = random_scene(seed);
    const LoopbackPlan plan = make_plan(s.accelerator, s.network);
    test::TickedLoopback ticked(s.accelerator, s.network, s.images);
    ticked.run(s.images);
    REQUIRE(difference(cycles_for(plan, s.accelerator, s.images), ticked) == "");
    REQUIRE(tile_starts(plan, s.accelerator, s.images) == ticked.starts);
    for (const LayerPlan& layer : plan.layers) tiled += layer.tiles.size() > 1 ? 1 : 0;
    for (const LayerCycles& layer : ticked.result.back().layers) waiting += layer.waiting;
  }
  // The scenes are not all of the easy kind.
  CHECK(tiled > 50);
  CHECK(waiting > 1000);
}

TEST_CASE("every cycle of graphs is one of the ticked machine") {
  int64_t moves = 0, hosted = 0;
  for (uint64_t seed = 4000; seed < 4300; ++seed) {
    INFO("seed " << seed);
    const Scene s = random_scene(seed, true);
    const LoopbackPlan plan = make_plan(s.accelerator, s.network);
    test::TickedLoopback ticked(s.accelerator, s.network, s.images);
    ticked.run(s.images);
    REQUIRE(difference(cycles_for(plan, s.accelerator, s.images), ticked) == "");
    REQUIRE(tile_starts(plan, s.accelerator, s.images) == ticked.starts);
    moves += static_cast<int64_t>(plan.moves.size());
    hosted += s.accelerator.host_first_last ? 1 : 0;
  }
  CHECK(moves > 100);
  CHECK(hosted > 0);
}

TEST_CASE("every cycle of the SystemC run is one of the ticked machine") {
  for (uint64_t seed = 1000; seed < 1060; ++seed) {
    INFO("seed " << seed);
    const Scene s = random_scene(seed);
    REQUIRE(test::in_child([&] {
              test::Random random(seed);
              std::vector<Tensor> images;
              for (int i = 0; i < s.images; ++i) {
                images.push_back(test::random_image(random, s.network));
              }
              test::TickedLoopback ticked(s.accelerator, s.network, s.images);
              ticked.run(s.images);
              return difference(simulate(s.network, s.accelerator, {}, images).images, ticked);
            }) == "");
  }
}
