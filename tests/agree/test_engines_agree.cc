// The central promise: the cycle-level simulator with the fault map armed on its sites, the fast
// engine with the lowered effects, and the reference with them compute the same, tensor by tensor.
#include <catch2/catch.hpp>
#include <sstream>

#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "models/dataflow/placement.h"
#include "models/dataflow/simulation.h"
#include "models/loopback/placement.h"
#include "models/loopback/simulation.h"
#include "sim/fast/fault_simulator.h"
#include "tests/support/in_child.h"
#include "tests/support/random_accelerator.h"
#include "tests/support/random_placement.h"

using namespace stuckat;

namespace {

constexpr int images_per_run = 3;

using Tensors = std::vector<std::vector<Tensor>>;  // [image][tensor]

std::string names(const FaultMap& map) {
  std::string text;
  for (const Fault& fault : map.faults) text += " " + name(fault);
  return text;
}

/// "" if equal, else where they first differ.
std::string difference(const Tensors& expected, const Tensors& actual, const Network& network) {
  if (expected.size() != actual.size()) return "number of images";
  std::ostringstream text;
  for (size_t i = 0; i < expected.size(); ++i) {
    if (expected[i].size() != actual[i].size()) return "number of tensors";
    for (size_t t = 0; t < expected[i].size(); ++t) {
      if (expected[i][t] == actual[i][t]) continue;
      if (!(expected[i][t].shape == actual[i][t].shape)) return "shape of a tensor";
      const auto& e = expected[i][t].values;
      const auto& a = actual[i][t].values;
      size_t k = 0;
      while (e[k] == a[k]) ++k;
      text << "image " << i << " " << (t == 0 ? "input" : network.layers[t - 1].name) << " element "
           << k << " is " << a[k] << ", expected " << e[k];
      return text.str();
    }
  }
  return {};
}

Tensors by_reference(const Network& network, const std::vector<Tensor>& images,
                     const Effects& effects) {
  Tensors result;
  for (size_t i = 0; i < images.size(); ++i) {
    result.push_back(reference::run(network, images[i], effects, static_cast<int64_t>(i)));
  }
  return result;
}

Tensors by_fast_engine(const Network& network, const std::vector<Tensor>& images,
                       const Effects& effects, fast::Path path) {
  const fast::PackedNetwork packed(network);
  Tensors result;
  for (size_t i = 0; i < images.size(); ++i) {
    result.push_back(fast::run(packed, effects, images[i], static_cast<int64_t>(i), path));
  }
  return result;
}

std::vector<Tensor> random_images(test::Random& random, const Network& network) {
  std::vector<Tensor> images;
  for (int i = 0; i < images_per_run; ++i) images.push_back(test::random_image(random, network));
  return images;
}

/// `simulated` runs the accelerator in a child and compares there; the others run here.
template <typename Simulated>
void check_agreement(const Network& network, const Placement& placement, const FaultMap& map,
                     const std::vector<Tensor>& images, Simulated simulated) {
  const Effects effects = lower(map, placement, network);
  std::string lines;
  for (const auto& line : describe(effects, network)) lines += "\n    " + line;
  INFO("faults" << names(map) << lines);
  const Tensors expected = by_reference(network, images, effects);
  CHECK(test::in_child([&] { return difference(expected, simulated(), network); }).empty());
  for (const fast::Path path :
       {fast::Path::automatic, fast::Path::differential, fast::Path::dense}) {
    CHECK(difference(expected, by_fast_engine(network, images, effects, path), network).empty());
  }
}

void check_dataflow(const Network& network, const dataflow::DataflowAccelerator& accelerator,
                    const FaultMap& map, const std::vector<Tensor>& images) {
  check_agreement(network, dataflow::place(accelerator, network), map, images, [&] {
    return dataflow::simulate(network, accelerator, map, images, {.tensors = true}).tensors;
  });
}

void check_loopback(const Network& network, const loopback::LoopbackAccelerator& accelerator,
                    const FaultMap& map, const std::vector<Tensor>& images) {
  check_agreement(network, place(accelerator, network), map, images, [&] {
    return loopback::simulate(network, accelerator, map, images, {.tensors = true}).tensors;
  });
}

}  // namespace

TEST_CASE("dataflow simulator, fast engine and reference agree under random fault maps") {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_network(random);
    const auto accelerator = test::random_dataflow(random, network);
    const Placement placement = dataflow::place(accelerator, network);
    const FaultMap map = test::random_faults(random, placement, network, 6);
    check_dataflow(network, accelerator, map, random_images(random, network));
  }
}

TEST_CASE("loopback simulator, fast engine and reference agree under random fault maps") {
  for (uint64_t seed = 1000; seed < 1150; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_network(random);
    const auto accelerator = test::random_loopback(random);
    const Placement placement = place(accelerator, network);
    const FaultMap map = test::random_faults(random, placement, network, 6);
    check_loopback(network, accelerator, map, random_images(random, network));
  }
}

TEST_CASE("every kind of site agrees on its own, on both accelerators") {
  for (const SiteRow& row : site_table()) {
    int checked = 0;
    for (uint64_t seed = 2000; seed < 2030 && checked < 8; ++seed) {
      test::Random random(seed);
      const Network network = test::random_network(random);
      const auto a = test::random_dataflow(random, network);
      const auto b = test::random_loopback(random);
      const auto images = random_images(random, network);
      auto one = [&](const Placement& placement) {
        FaultMap map{placement.accelerator, {}};
        const int64_t count = count_faults(row.kind, placement, network);
        if (count > 0) {
          const auto index = std::uniform_int_distribution<int64_t>(0, count - 1)(random);
          map.faults.push_back(fault_at(row.kind, index, placement, network));
        }
        return map;
      };
      INFO(row.name << " seed " << seed);
      const FaultMap on_dataflow = one(dataflow::place(a, network));
      const FaultMap on_loopback = one(place(b, network));
      if (!on_dataflow.faults.empty()) check_dataflow(network, a, on_dataflow, images);
      if (!on_loopback.faults.empty()) check_loopback(network, b, on_loopback, images);
      checked += on_dataflow.faults.empty() && on_loopback.faults.empty() ? 0 : 1;
    }
    INFO(row.name);
    CHECK(checked == 8);
  }
}

TEST_CASE("a permanent fault changes values and no cycle") {
  for (uint64_t seed = 3000; seed < 3030; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    const Network network = test::random_network(random);
    const auto a = test::random_dataflow(random, network);
    const auto b = test::random_loopback(random);
    const auto images = random_images(random, network);
    const FaultMap on_dataflow =
        test::random_faults(random, dataflow::place(a, network), network, 6);
    const FaultMap on_loopback = test::random_faults(random, place(b, network), network, 6);
    auto cycles = [&](const FaultMap& on_a, const FaultMap& on_b) {
      std::ostringstream text;
      text << test::in_child([&] {
        const auto r = dataflow::simulate(network, a, on_a, images);
        std::string all = std::to_string(r.total_cycles);
        for (const auto c : r.arrival_cycles) all += " " + std::to_string(c);
        for (const auto& m : r.modules) all += " " + std::to_string(m.busy_cycles);
        return all;
      });
      text << " / " << test::in_child([&] {
        const auto r = loopback::simulate(network, b, on_b, images);
        return std::to_string(r.total_cycles) + " " + std::to_string(r.first_image_cycles);
      });
      return text.str();
    };
    const std::string healthy = cycles({}, {});
    REQUIRE(healthy.find("threw") == std::string::npos);
    CHECK(healthy == cycles(on_dataflow, on_loopback));
  }
}
