#include <algorithm>

#include "faultmaps/generators.h"
#include "tests/support/catch.h"
#include "tests/support/random_placement.h"
#include "tools/report/fault_picture.h"

using namespace stuckat;
using namespace stuckat::report;

namespace {

struct Setup {
  explicit Setup(uint64_t seed)
      : random(seed),
        network(test::random_network(random)),
        placement(test::random_dataflow_placement(random, network)),
        sites(placement, network) {}
  test::Random random;
  Network network;
  Placement placement;
  SiteIndex sites;
};

int64_t occurrences(const std::string& text, const std::string& part) {
  int64_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("grids of a fault map hold every fault once, drawn whole or shrunk") {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    INFO("seed " << seed);
    Setup s(seed);
    const FaultMap map = test::random_faults(s.random, s.placement, s.network, 40);
    int64_t total = 0;
    for (const FaultGrid& grid : fault_grids(map, s.sites)) {
      INFO(grid.title);
      total += grid.total();
      CHECK(grid.total() > 0);
      CHECK(static_cast<int64_t>(grid.counts.size()) == grid.rows * grid.columns);
      const auto drawn = [](int64_t count) {  // of cells, at most 256 along each side
        const int64_t each = (count + 255) / 256;
        return (count + each - 1) / each;
      };
      CHECK(occurrences(svg_picture(grid), "<rect") == drawn(grid.rows) * drawn(grid.columns));
      const std::string whole = text_picture(grid, 1 << 20, 1 << 20);
      CHECK(occurrences(whole, "\n") == grid.rows + 1);
      CHECK(occurrences(text_picture(grid, 2, 3), "\n") <= 2 + 2);
    }
    CHECK(total == static_cast<int64_t>(map.faults.size()));
  }
  CHECK(fault_grids({}, Setup(0).sites).empty());
}

TEST_CASE("a picture shows a dead PE, a broken lane and how often it is broken") {
  Setup s(1);
  FaultMap map{s.placement.accelerator, {}};
  const int pes = s.placement.arrays[0].pe;
  const int level = s.sites.find(SiteKind::pe_dead, "layer0/mvtu")->values[0];
  map.faults = {{SiteKind::pe_weight, "layer0/mvtu", {0, 0, 0, 0}, 1},
                {SiteKind::pe_input, "layer0/mvtu", {0, 0, 0}, 1},
                {SiteKind::pe_dead, "layer0/mvtu", {pes - 1}, level}};
  validate(map, s.sites, "test");
  const auto grids = fault_grids(map, s.sites);
  REQUIRE(grids.size() == 1);
  const std::string text = text_picture(grids[0]);
  INFO(text);
  CHECK_THAT(text, Catch::StartsWith("layer0/mvtu: 3 faults"));
  CHECK_THAT(text, Catch::Contains("     0 " + std::string(pes == 1 ? "X" : ".") + " 2"));
  CHECK(occurrences(text, "X ") == 1);
  const auto memories = memory_summary(map, s.sites);
  REQUIRE(memories.size() == 1);
  CHECK_THAT(memories[0], Catch::StartsWith("pe/weight of layer0/mvtu: 1 broken bit of"));
}
