// Transients: the simulator inverts a bit in a cycle that it knows from its own stamps; the effects
// come from the timing alone. Both must mean the same step of the same image.
#include <catch2/catch.hpp>

#include "faultmaps/site_index.h"
#include "models/dataflow/timeline.h"
#include "models/loopback/timeline.h"
#include "tests/agree/agreement.h"
#include "tests/support/random_accelerator.h"

using namespace stuckat;

namespace {

/// Some permanent faults, and `count` flips at random sites and cycles of the run.
FaultMap random_flips(test::Random& random, const Placement& placement, const Network& network,
                      int64_t cycles, int count) {
  FaultMap map = test::random_faults(random, placement, network, 3);
  const SiteIndex sites(placement, network);
  std::vector<const SiteSpace*> spaces;
  for (const SiteSpace& space : sites.spaces()) {
    if (!space.row->flips || space.sites() == 0) continue;
    const bool banks = space.row->kind == SiteKind::pe_weight && placement.streams.empty();
    if (!banks) spaces.push_back(&space);
  }
  for (int i = 0; i < count; ++i) {
    const SiteSpace& space =
        *spaces[static_cast<size_t>(test::uniform(random, 0, static_cast<int>(spaces.size()) - 1))];
    Fault fault = space.at(std::uniform_int_distribution<int64_t>(0, space.sites() - 1)(random));
    fault.flip_cycle = std::uniform_int_distribution<int64_t>(0, cycles)(random);
    map.faults.push_back(fault);
  }
  validate(map, placement, network, "test");
  return map;
}

}  // namespace

TEST_CASE("flips on a dataflow accelerator agree in all engines") {
  size_t effective = 0;
  for (uint64_t seed = 0; seed < 120; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const auto a = test::random_dataflow(random, network);
    const Placement placement = dataflow::place(a, network);
    const auto images = test::random_images(random, network, 3);
    const dataflow::DataflowTimeline timeline(a, network, 3);
    const int64_t cycles = dataflow::DataflowSchedule(network, a, 3).timing().total_cycles;
    const FaultMap map = random_flips(random, placement, network, cycles, 12);
    FaultMap permanent{map.accelerator, {}};
    for (const Fault& fault : map.faults) {
      if (!fault.is_flip()) permanent.faults.push_back(fault);
    }
    effective += lower(map, placement, network, &timeline) != lower(permanent, placement, network);
    INFO("seed " << seed);
    test::check_agreement(
        network, placement, map, images,
        [&] { return dataflow::simulate(network, a, map, images, {.tensors = true}).tensors; },
        &timeline);
  }
  CHECK(effective > 100);
}

TEST_CASE("flips of accumulators on a loopback array agree in all engines, on either schedule") {
  size_t effective = 0;
  for (uint64_t seed = 500; seed < 600; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    auto b = test::random_loopback(random, network);
    b.control_cycles = 4;
    const Placement placement = place(b, network);
    const auto images = test::random_images(random, network, 2);
    const loopback::LoopbackTimeline timeline(b, network, 2);
    int64_t cycles = 0;
    for (const auto& image : cycles_for(make_plan(b, network), b, 2)) cycles += image.total();
    const FaultMap map = random_flips(random, placement, network, cycles, 8);
    effective += lower(map, placement, network, &timeline).operators.empty() ? 0 : 1;
    INFO("seed " << seed);
    test::check_agreement(
        network, placement, map, images,
        [&] { return loopback::simulate(network, b, map, images, {.tensors = true}).tensors; },
        &timeline);
  }
  CHECK(effective > 60);
}

TEST_CASE("a flip needs a site that stores something, and a run") {
  test::Random random(1);
  const Network network = test::random_network(random);
  const auto a = test::random_dataflow(random, network);
  const Placement placement = dataflow::place(a, network);
  const auto parse = [&](const char* text) { return parse_fault(text, placement, network, "t"); };
  const Fault flip = parse("layer0/mvtu/pe[0]/accumulator[0]=flip@12");
  CHECK(flip.flip_cycle == 12);
  CHECK(name(flip) == "layer0/mvtu/pe[0]/accumulator[0]=flip@12");
  CHECK_THROWS_WITH(parse("layer0/mvtu/pe[0]/output[0]=flip@12"),
                    Catch::Contains("no flip is modelled there"));
  CHECK_THROWS_WITH(parse("layer0/mvtu/pe[0]/accumulator[0]=flip@-1"),
                    Catch::Contains("flip@CYCLE"));
  CHECK_THROWS_WITH(lower({placement.accelerator, {flip}}, placement, network),
                    Catch::Contains("depends on the run"));
  Fault stuck = flip;
  stuck.flip_cycle = -1;
  FaultMap both{placement.accelerator, {flip, stuck}};
  CHECK_NOTHROW(validate(both, placement, network, "t"));
}
