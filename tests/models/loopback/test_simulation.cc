// Elaborated runs, each in a process of its own.
#include <sstream>

#include "faultmaps/describe_effects.h"
#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "models/loopback/placement.h"
#include "models/loopback/simulation.h"
#include "tests/models/loopback/random_accelerator.h"
#include "tests/support/catch.h"
#include "tests/support/in_child.h"
#include "tests/support/random_network.h"
#include "tests/support/random_placement.h"
#include "workloads/errors.h"
#include "workloads/sanitized.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::loopback;

namespace {

bool enough_layers_for_the_host(const Network& network) {
  int layers = 0;
  for (const Layer& layer : network.layers) layers += layer.has_weights() ? 1 : 0;
  return layers >= 3;
}

/// "" if the run equals the reference with the lowered effects and takes the cycles of cycles_for.
std::string difference(const Network& network, const LoopbackAccelerator& accelerator,
                       const FaultMap& map, const std::vector<Tensor>& images) {
  const Effects effects = lower(map, place(accelerator, network), network);
  const LoopbackResult result = simulate(network, accelerator, map, images, {true});
  std::ostringstream text;
  for (size_t i = 0; i < images.size(); ++i) {
    const auto expected = reference::run(network, images[i], effects, static_cast<int64_t>(i));
    for (size_t t = 0; t < expected.size(); ++t) {
      if (result.tensors[i][t] == expected[t]) continue;
      text << "tensor " << t << " of image " << i << " differs; ";
      for (const auto& line : describe(effects, network)) text << line << "; ";
      return text.str();
    }
    if (result.logits[i] != expected.back().values) text << "logits of image " << i << " differ; ";
  }
  const LoopbackPlan plan = make_plan(accelerator, network);
  const auto cycles = cycles_for(plan, accelerator, static_cast<int>(images.size()));
  int64_t total = 0;
  for (const ImageCycles& image : cycles) total += image.total();
  if (!(result.images == cycles)) text << "cycles differ; ";
  if (result.total_cycles != total) {
    text << result.total_cycles << " cycles instead of " << total << "; ";
  }
  for (const ModuleStatistics& module : result.modules) {
    if (module.total_cycles() != total) text << module.name << " does not add up; ";
  }
  return text.str();
}

void check_random_case(uint64_t seed, int most_faults) {
  CAPTURE(seed);
  CHECK(test::in_child([&] {
          test::Random random(seed);
          const Network network = test::random_network(random);
          LoopbackAccelerator accelerator = test::random_loopback(random, network);
          accelerator.host_first_last =
              enough_layers_for_the_host(network) && test::uniform(random, 0, 3) == 0;
          FaultMap map;
          if (most_faults > 0) {
            map = test::random_faults(random, place(accelerator, network), network, most_faults);
          }
          std::vector<Tensor> images;
          for (int i = test::uniform(random, 1, 4); i > 0; --i) {
            images.push_back(test::random_image(random, network));
          }
          return difference(network, accelerator, map, images);
        }) == "");
}

Network random_parameters(Network network, uint64_t seed) {
  test::Random random(seed);
  for (Layer& layer : network.layers) {
    if (layer.has_weights()) test::fill_parameters(layer, random);
  }
  return network;
}

}  // namespace

TEST_CASE("random networks, arrays and schedules: every tensor and every cycle") {
  for (uint64_t seed = 0; seed < 200; ++seed) check_random_case(seed, 0);
}

TEST_CASE("random fault maps: every tensor as the lowered effects say, no cycle changed") {
  for (uint64_t seed = 1000; seed < (sanitized ? 1150U : 1400U); ++seed) check_random_case(seed, 6);
}

TEST_CASE("each kind of site of the array alone, on either schedule") {
  for (const SiteRow& row : site_table()) {
    if (row.part != PartKind::pe_array) continue;
    for (uint64_t seed = 0; seed < (sanitized ? 10U : 30U); ++seed) {
      CAPTURE(row.name, seed);
      CHECK(test::in_child([&]() -> std::string {
              test::Random random(seed);
              const Network network = test::random_network(random);
              const LoopbackAccelerator accelerator = test::random_loopback(random, network);
              const Placement placement = place(accelerator, network);
              const int64_t count = count_faults(row.kind, placement, network);
              if (count == 0) return "";
              FaultMap map{placement.accelerator, {}};
              map.faults.push_back(fault_at(row.kind,
                                            test::uniform(random, 0, static_cast<int>(count) - 1),
                                            placement, network));
              return difference(network, accelerator, map, {test::random_image(random, network)});
            }) == "");
    }
  }
}

TEST_CASE("full CNV, with and without a broken PE, on either schedule") {
  for (const char* name : {"cnv-w1a1", "cnv-w2a2"}) {
    const Network network = random_parameters(zoo_network(name), 5);
    test::Random random(6);
    const Tensor image = test::random_image(random, network);
    for (const Schedule schedule : {Schedule::channel_parallel, Schedule::pixel_parallel}) {
      for (const bool broken : {false, true}) {
        CAPTURE(name, broken);
        CHECK(test::in_child([&] {
                LoopbackAccelerator accelerator;
                accelerator.schedule = schedule;
                FaultMap map;
                if (broken) {
                  map.faults = {{SiteKind::pe_accumulator, "array", {5, 3}, 1},
                                {SiteKind::pe_dead, "array", {17}, -1}};
                }
                return difference(network, accelerator, map, {image});
              }) == "");
      }
    }
  }
}

TEST_CASE("bad calls are refused before anything is elaborated") {
  test::Random random(9);
  const Network network = test::random_network(random);
  const Tensor image = test::random_image(random, network);
  CHECK_THROWS_AS(simulate(network, {}, {}, {}), InputError);
  CHECK_THROWS_AS(simulate(network, {}, {}, {Tensor{{1, 1, 1}, {1}}}), InputError);
  CHECK_THROWS_AS(simulate(network, {}, {"loopback:4x4", {}}, {image}), InputError);
  FaultMap map{"", {{SiteKind::pe_dead, "layer0/mvtu", {0}, 1}}};
  CHECK_THROWS_AS(simulate(network, {}, map, {image}), InputError);
}

TEST_CASE("a second elaboration in a process is refused, not attempted") {
  if (sanitized) test::skip("no exceptions out of SystemC threads with AddressSanitizer");
  test::Random random(9);
  const Network network = test::random_network(random);
  const Tensor image = test::random_image(random, network);
  const LoopbackResult result = simulate(network, {}, {}, {image});
  CHECK(result.first_image_cycles == result.total_cycles);
  CHECK(result.tensors.empty());
  CHECK_THROWS_AS(simulate(network, {}, {}, {image}), InputError);
}
