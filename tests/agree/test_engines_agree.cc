// The central promise: the cycle-level simulator with the fault map armed on its sites, the fast
// engine and the trainer's evaluation with the lowered effects, and the reference with them compute
// the same: every tensor, and for the trainer every logit.
#include <set>

#include "models/family.h"
#include "tests/agree/agreement.h"
#include "tests/support/catch.h"
#include "tests/support/random_accelerator.h"
#include "tests/support/refusal.h"
#include "workloads/sanitized.h"

using namespace stuckat;
using test::check_agreement;
using test::random_families;
using test::random_images;

namespace {

/// Six faults. Voters and codes refuse some that meet: then others are drawn.
FaultMap faults_of(test::Random& random, const Accelerator& accelerator, const Network& network) {
  const Placement placement = accelerator.place(network);
  while (true) {
    FaultMap map = test::random_faults(random, placement, network, 6);
    if (!accelerator.name().starts_with("protected:")) return map;
    if (test::refusal([&] { lower(map, placement, network); }) == "accepted") return map;
  }
}

}  // namespace

TEST_CASE("every built-in family is among those that are drawn at random") {
  const Families built_in = built_in_families();
  REQUIRE(random_families().size() == built_in.rows().size());
  for (size_t i = 0; i < built_in.rows().size(); ++i) {
    CHECK(random_families()[i].prefix == built_in.rows()[i].prefix);
  }
}

TEST_CASE("simulators, fast engine and reference agree under random fault maps") {
  uint64_t first_seed = 0;
  for (const auto& family : random_families()) {
    int refused = 0;
    for (uint64_t seed = first_seed; seed < first_seed + (sanitized ? 20 : 150); ++seed) {
      INFO(family.prefix << " seed " << seed);
      test::Random random(seed);
      const Network network = test::random_network(random);
      const AcceleratorPtr accelerator = family.draw(random, network);
      const Placement placement = accelerator->place(network);
      const FaultMap map = faults_of(random, *accelerator, network);
      const auto images = random_images(random, network);
      const std::string told = test::refusal([&] { lower(map, placement, network); });
      if (told == "accepted") {
        check_agreement(network, *accelerator, map, images);
      } else {
        CHECK_THAT(told, Catch::Contains("has no exact effect"));
        ++refused;
      }
    }
    CHECK(refused < 15);
    first_seed += 1000;
  }
}

TEST_CASE("all engines agree where binary operands are summed, padded columns among them") {
  int checked = 0, padded = 0, refused = 0;
  for (uint64_t seed = 1200; checked < 40; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    Network network = test::random_network(random);
    if (!test::sum_binary_operands(network, random)) continue;
    const auto a = test::random_dataflow(random, network);
    const auto b = test::random_loopback(random, network);
    const auto images = random_images(random, network);
    const auto usable = [&](const Placement& placement) {
      const std::string told = test::refusal([&] { stuckat::validate(placement, network); });
      if (told == "accepted") {
        for (const PeArray& array : placement.arrays) {
          for (const ArrayUse& use : array.uses) {
            const Layer& layer = network.layers[static_cast<size_t>(use.layer)];
            padded += layer.signed_sum && use.columns > layer.columns();
          }
        }
        return true;
      }
      CHECK_THAT(told, Catch::Contains("an even number of padded columns"));
      ++refused;
      return false;
    };
    const dataflow::Dataflow chain(a);
    const loopback::Loopback loop(b);
    const Placement on_a = chain.place(network), on_b = loop.place(network);
    if (usable(on_a)) {
      check_agreement(network, chain, test::random_faults(random, on_a, network, 6), images);
    }
    if (usable(on_b)) {
      check_agreement(network, loop, test::random_faults(random, on_b, network, 6), images);
    }
    ++checked;
  }
  CHECK(padded > 3);
  CHECK(refused > 3);
}

TEST_CASE("every kind of site agrees on its own, on all accelerators") {
  built_in_families();  // knows all kinds
  const auto& families = random_families();
  const std::set<SiteKind> elsewhere = {SiteKind::ring_cell,
                                        SiteKind::replay_cell,
                                        SiteKind::output_register,  // test_rtl_parts.cc
                                        SiteKind::average_sum,
                                        SiteKind::adder_sum,  // test_dataflow_graphs.cc
                                        weight_memory_kinds().parameter};  // agree_systolic
  constexpr int wanted = sanitized ? 2 : 8;
  for (const SiteRow& row : site_table()) {
    if (elsewhere.count(row.kind) > 0) continue;
    int checked = 0;
    for (uint64_t seed = 2000; seed < 2030 && checked < wanted; ++seed) {
      INFO(row.name << " seed " << seed);
      test::Random random(seed);
      const Network network = test::random_network(random);
      std::vector<AcceleratorPtr> accelerators;
      for (const auto& family : families) {
        accelerators.push_back(family.draw(random, network));
      }
      const auto images = random_images(random, network);
      bool there = false;
      for (const AcceleratorPtr& accelerator : accelerators) {
        const Placement placement = accelerator->place(network);
        const int64_t count = count_faults(row.kind, placement, network);
        if (count == 0) continue;
        const auto index = std::uniform_int_distribution<int64_t>(0, count - 1)(random);
        check_agreement(network, *accelerator,
                        {placement.accelerator, {fault_at(row.kind, index, placement, network)}},
                        images);
        there = true;
      }
      checked += there ? 1 : 0;
    }
    INFO(row.name);
    CHECK(checked == wanted);
  }
}

TEST_CASE("a permanent fault changes values and no cycle") {
  for (uint64_t seed = 3000; seed < 3030; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    std::vector<AcceleratorPtr> accelerators;
    for (const auto& family : random_families()) {
      accelerators.push_back(family.draw(random, network));
    }
    const auto images = random_images(random, network);
    for (const AcceleratorPtr& accelerator : accelerators) {
      INFO(accelerator->name() << " seed " << seed);
      const FaultMap map = faults_of(random, *accelerator, network);
      const auto cycles = [&](const FaultMap& faults) {
        return test::in_child([&] {
          const auto run = accelerator->simulate(network, faults, images, {.spans = true});
          std::string all =
              std::to_string(run.total_cycles) + " " + std::to_string(run.first_image_cycles);
          for (const auto& m : run.modules) all += " " + std::to_string(m.busy_cycles);
          for (const auto& span : run.spans) {
            all += " " + std::to_string(span.first) + "-" + std::to_string(span.last);
          }
          return all;
        });
      };
      const std::string healthy = cycles({});
      REQUIRE(healthy.find("threw") == std::string::npos);
      CHECK(healthy == cycles(map));
    }
  }
}
