#include <algorithm>
#include <set>

#include "faultmaps/faulty_reference.h"
#include "faultmaps/generators.h"
#include "faultmaps/lower.h"
#include "faultmaps/mitigation/spare_pes.h"
#include "faultmaps/site_index.h"
#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "tests/support/random_placement.h"
#include "workloads/reference.h"

using namespace stuckat;

TEST_CASE("a chip whose broken PEs are all mapped out is bit-identical to a whole one") {
  int broken = 0, changed = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    for (const Placement& placement : {test::random_dataflow_placement(random, network),
                                       test::random_loopback_placement(random, network)}) {
      const SiteIndex sites(placement, network);
      for (const SiteKind kind : {SiteKind::pe_dead, SiteKind::pe_output}) {
        FaultMap map = exact_map({kind}, 1, seed + 1, sites);
        validate(map, sites, "");
        const auto pes = faulty_pes(map, placement);
        REQUIRE(pes.size() == 1);
        CHECK(pes.front().faults == map);
        CHECK(behind_spares(map, {}, placement, network) == map);
        const FaultMap left = behind_spares(map, pes, placement, network);
        CHECK(left.faults.empty());
        const Tensor image = test::random_image(random, network);
        CHECK(reference::run(network, image, lower(left, placement, network)) ==
              reference::run(network, image));
        changed += reference::run(network, image, lower(map, placement, network)) !=
                           reference::run(network, image)
                       ? 1
                       : 0;
        ++broken;
      }
    }
  }
  CHECK(broken == 80);
  CHECK(changed > 10);
}

TEST_CASE("what is not mapped out acts as before, other parts of the chip too") {
  int parts = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const Placement placement = test::random_dataflow_placement(random, network);
    const SiteIndex sites(placement, network);
    FaultMap map = exact_map({SiteKind::pe_dead, SiteKind::pe_accumulator, SiteKind::stream_slot},
                             4, seed, sites);
    std::vector<FaultyPe> pes = faulty_pes(map, placement);
    if (pes.size() < 2) continue;
    const FaultyPe kept = pes.back();
    pes.pop_back();
    FaultMap expected = map;
    std::erase_if(expected.faults, [&](const Fault& fault) {
      return std::any_of(pes.begin(), pes.end(), [&](const FaultyPe& pe) {
        return std::count(pe.faults.faults.begin(), pe.faults.faults.end(), fault) > 0;
      });
    });
    CHECK(behind_spares(map, pes, placement, network) == expected);
    CHECK(std::includes(expected.faults.begin(), expected.faults.end(), kept.faults.faults.begin(),
                        kept.faults.faults.end()));
    ++parts;
  }
  CHECK(parts > 5);
}

TEST_CASE("spares cost a PE, its multipliers and its memories in each array") {
  test::Random random(4);
  const Network network = test::random_network(random);
  const Placement placement = test::random_dataflow_placement(random, network);
  for (const int spares : {1, 3}) {
    ProtectionCost expected;
    for (size_t a = 0; a < placement.arrays.size(); ++a) {
      const PeArray& array = placement.arrays[a];
      const int64_t pes = std::min(spares, array.pe);
      expected.pes += pes;
      expected.multipliers += pes * array.simd;
      expected.memory_bits += pes * pe_memory_bits(placement, static_cast<int>(a), network);
    }
    const ProtectionCost cost = cost_of_spares(spares, placement, network);
    CHECK(cost.pes == expected.pes);
    CHECK(cost.multipliers == expected.multipliers);
    CHECK(cost.memory_bits == expected.memory_bits);
  }
  CHECK(cost_of_spares(0, placement, network).pes == 0);
}
