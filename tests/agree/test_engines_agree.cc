// The central promise: the cycle-level simulator with the fault map armed on its sites, the fast
// engine and the trainer's evaluation with the lowered effects, and the reference with them compute
// the same: every tensor, and for the trainer every logit.
#include <sstream>

#include "tests/agree/agreement.h"
#include "tests/support/catch.h"
#include "tests/support/random_accelerator.h"

using namespace stuckat;
using test::check_dataflow;
using test::check_loopback;
using test::random_images;

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
    const auto accelerator = test::random_loopback(random, network);
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
      const auto b = test::random_loopback(random, network);
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
    const auto b = test::random_loopback(random, network);
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
