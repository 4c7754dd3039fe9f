// Transients: the simulator inverts a bit in a cycle that it knows from its own stamps; the effects
// come from the timing alone. Both must mean the same step of the same image.
#include <map>
#include <memory>

#include "faultmaps/site_index.h"
#include "models/dataflow/placement.h"
#include "tests/agree/agreement.h"
#include "tests/support/catch.h"
#include "tests/support/random_accelerator.h"

using namespace stuckat;

namespace {

/// Some permanent faults, and `count` flips at random sites and cycles of the run. Cells of
/// buffers that are seldom used get as many as the others: first the kind is drawn.
FaultMap random_flips(test::Random& random, const Placement& placement, const Network& network,
                      int count) {
  FaultMap map = test::random_faults(random, placement, network, 3);
  const SiteIndex sites(placement, network);
  std::map<SiteKind, std::vector<const SiteSpace*>> spaces;
  for (const SiteSpace& space : sites.spaces()) {
    if (space.row->flips() && space.sites() > 0) spaces[space.row->kind].push_back(&space);
  }
  for (int i = 0; i < count; ++i) {
    auto kind = spaces.begin();
    std::advance(kind, test::uniform(random, 0, static_cast<int>(spaces.size()) - 1));
    const auto& of_kind = kind->second;
    const SiteSpace& space = *of_kind[static_cast<size_t>(
        test::uniform(random, 0, static_cast<int>(of_kind.size()) - 1))];
    int64_t last_site = space.sites() - 1;
    if (space.row->kind == SiteKind::buffer_activation) {  // most of it is never used
      last_site = std::min<int64_t>(last_site, 8 * 40);
    }
    Fault fault = space.at(std::uniform_int_distribution<int64_t>(0, last_site)(random));
    fault.flip_cycle =
        std::uniform_int_distribution<int64_t>(0, placement.run->cycles() - 1)(random);
    map.faults.push_back(fault);
  }
  validate(map, placement, network, "test");
  return map;
}

/// Kinds of whose flips some do something, alone.
void count_effective(const FaultMap& map, const Placement& placement, const Network& network,
                     std::map<SiteKind, int>& effective) {
  for (const Fault& fault : map.faults) {
    if (!fault.is_flip()) continue;
    effective[fault.kind] += lower({map.accelerator, {fault}}, placement, network).empty() ? 0 : 1;
  }
}

bool has_pool_after_pool(const Network& network) {
  for (size_t i = 1; i < network.layers.size(); ++i) {
    if (!network.layers[i].has_weights() && !network.layers[i - 1].has_weights()) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("flips on a dataflow accelerator agree in all engines") {
  std::map<SiteKind, int> effective;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    const auto a = test::random_dataflow(random, network);
    const Placement placement = place_on(std::make_shared<dataflow::Dataflow>(a), network, 3);
    const auto images = test::random_images(random, network, 3);
    const FaultMap map = random_flips(random, placement, network, 80);
    count_effective(map, placement, network, effective);
    INFO("seed " << seed);
    test::check_agreement(network, placement, map, images, dataflow::Dataflow(a));
  }
  for (const SiteRow& row : site_table()) {
    const bool elsewhere = row.kind == SiteKind::array_weight ||
                           row.kind == SiteKind::array_threshold ||
                           row.kind == SiteKind::buffer_activation ||
                           row.part > PartKind::activation_memory;  // test_rtl_parts.cc
    INFO(row.name << " " << effective[row.kind]);
    CHECK((!row.flips() || elsewhere || effective[row.kind] >= 8));
  }
}

TEST_CASE("flips on a loopback array agree in all engines, on either schedule") {
  std::map<SiteKind, int> effective;
  for (uint64_t seed = 500; seed < 700; ++seed) {
    test::Random random(seed);
    const Network network = test::random_network(random);
    if (has_pool_after_pool(network)) continue;
    auto b = test::random_loopback(random, network);
    b.control_cycles = 4;
    const Placement placement = place_on(std::make_shared<loopback::Loopback>(b), network, 2);
    const auto images = test::random_images(random, network, 2);
    const FaultMap map = random_flips(random, placement, network, 40);
    count_effective(map, placement, network, effective);
    INFO("seed " << seed);
    test::check_agreement(network, placement, map, images, loopback::Loopback(b));
  }
  for (const SiteRow& row : site_table()) {
    const bool here = row.part == PartKind::pe_array || row.part == PartKind::activation_memory;
    INFO(row.name << " " << effective[row.kind]);
    CHECK((!row.flips() || !here || effective[row.kind] >= 5));
  }
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
  CHECK_THROWS_WITH(parse("layer0/mvtu/pe[0]/dead=flip@12"),
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
