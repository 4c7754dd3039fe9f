// Lots from wafers: which dies there are, and where faults are dense.
#include <cmath>
#include <numeric>
#include <set>

#include "faultmaps/draws.h"
#include "faultmaps/wafer.h"
#include "tests/support/catch.h"
#include "tests/support/random_placement.h"
#include "tests/support/refusal.h"

using namespace stuckat;

TEST_CASE("dies lie in the circle with all corners, symmetric, and none is left out") {
  for (int across = 3; across <= 40; ++across) {
    const auto dies = wafer_dies(across);
    std::set<std::pair<int, int>> at;
    for (const Die& die : dies) at.insert({die.column, die.row});
    CHECK(at.size() == dies.size());
    size_t inside = 0;
    for (int column = 0; column < across; ++column) {
      for (int row = 0; row < across; ++row) {
        bool all = true;
        for (const int x : {column, column + 1}) {
          for (const int y : {row, row + 1}) {
            const double dx = x - across / 2.0, dy = y - across / 2.0;
            all = all && 4 * (dx * dx + dy * dy) <= across * across;
          }
        }
        inside += all ? 1 : 0;
        CHECK(all == (at.count({column, row}) > 0));
        CHECK(at.count({column, row}) == at.count({across - 1 - column, row}));
        CHECK(at.count({column, row}) == at.count({row, column}));
      }
    }
    CHECK(inside == dies.size());
    for (const Die& die : dies) CHECK(die.radius < 1);
  }
  CHECK(wafer_dies(3).size() == 1);
}

TEST_CASE("the mean over dies is what was asked for, and the edge has so many times the centre") {
  const WaferModel model{15, 8, 4, 2, 0};
  const auto dies = wafer_dies(model.across);
  const auto means = wafer_means(model);
  REQUIRE(means.size() == dies.size());
  CHECK(std::abs(std::accumulate(means.begin(), means.end(), 0.0) /
                     static_cast<double>(means.size()) -
                 8) < 1e-9);
  double centre = 0;
  for (size_t i = 0; i < dies.size(); ++i) {
    if (dies[i].radius == 0) centre = means[i];
  }
  REQUIRE(centre > 0);
  for (size_t i = 0; i < dies.size(); ++i) {
    CHECK(std::abs(means[i] / centre - (1 + 3 * dies[i].radius * dies[i].radius)) < 1e-9);
  }
  for (const double mean : wafer_means({15, 8, 1, 2, 0})) CHECK(std::abs(mean - 8) < 1e-9);
}

TEST_CASE("a die's faults have its mean, and a chip never depends on how many are drawn") {
  test::Random random(4);
  const Network network = test::random_network(random);
  const Placement placement = test::random_dataflow_placement(random, network);
  const SiteIndex sites(placement, network);
  const std::vector<SiteKind> kinds = {SiteKind::pe_weight, SiteKind::pe_accumulator};
  const WaferModel model{5, 6, 5, 2, 0};
  const auto means = wafer_means(model);
  const auto dies = static_cast<int64_t>(means.size());
  std::vector<double> sums(means.size());
  constexpr int wafers = 200;
  for (int64_t chip = 0; chip < wafers * dies; ++chip) {
    const FaultMap map = wafer_map(kinds, model, chip, chip_seed(3, chip), sites);
    sums[static_cast<size_t>(chip % dies)] += static_cast<double>(map.faults.size());
  }
  for (size_t die = 0; die < means.size(); ++die) {
    // Within five standard deviations of the mean of that many draws.
    CHECK(std::abs(sums[die] - wafers * means[die]) < 5 * std::sqrt(wafers * means[die]));
  }
  CHECK(wafer_map(kinds, model, 7, 9, sites) == wafer_map(kinds, model, 7, 9, sites));
}

TEST_CASE("a wafer that cannot be is refused") {
  CHECK_THAT(test::refusal([] { wafer_dies(2); }), Catch::Contains("3 to 1000"));
  CHECK_THAT(test::refusal([] { wafer_means({12, -1, 3, 2, 0}); }), Catch::Contains("mean number"));
  CHECK_THAT(test::refusal([] { wafer_means({12, 1, -3, 2, 0}); }), Catch::Contains("the edge"));
  CHECK_THAT(test::refusal([] { wafer_means({12, 1, 3, 0, 0}); }), Catch::Contains("power"));
}
