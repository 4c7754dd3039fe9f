#include "tests/support/catch.h"
#include "tests/support/random_network.h"
#include "tests/support/refusal.h"
#include "tools/report/fleet_profit.h"

using namespace stuckat;
using namespace stuckat::report;

TEST_CASE("prices are read as they are written, and refused where they do not fall") {
  const auto bins = parse_prices("92.5:10,85:4", "test");
  REQUIRE(bins.size() == 2);
  CHECK(bins[0].accuracy == 92.5);
  CHECK(bins[1].price == 4);
  for (const char* bad :
       {"", "92", "92:", ":10", "92:10,", "85:4,92:10", "101:1", "90:-1", "90:1x"}) {
    INFO(bad);
    CHECK_THAT(test::refusal([&] { parse_prices(bad, "test"); }),
               Catch::Contains("ACCURACY:PRICE"));
  }
}

TEST_CASE("the best policy at every price of an image is the one with the greatest profit there") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    INFO("seed " << seed);
    test::Random random(seed);
    Fleet fleet;
    fleet.prices = {{90, 10}, {80, 4}};
    fleet.network_price = 2;
    const int policies = test::uniform(random, 1, 6);
    for (int p = 0; p < policies; ++p) {
      Fleet::Policy& policy = fleet.policies.emplace_back();
      policy.networks = test::uniform(random, 0, 4);
      policy.images = test::uniform(random, 0, 3) * 1000;
      policy.images_of_map = test::uniform(random, 0, 1) * 500;
      for (int c = 0; c < 10; ++c) policy.accuracy.push_back(test::uniform(random, 70, 99));
    }
    const auto all = profits(fleet);
    double revenue = 0;
    for (const double a : fleet.policies[0].accuracy) revenue += a >= 90 ? 10 : a >= 80 ? 4 : 0;
    CHECK(all[0].revenue == revenue);
    CHECK(all[0].at(0.01) ==
          Approx(revenue - 2.0 * static_cast<double>(fleet.policies[0].networks) -
                 0.01 * static_cast<double>(fleet.policies[0].images +
                                            fleet.policies[0].images_of_map)));
    const auto best = best_policies(all);
    CHECK(best.front().first == 0);
    for (double price = 0.00005; price < 0.2; price *= 1.7) {
      size_t now = best.front().second;
      for (const auto& [from, policy] : best) {
        if (from <= price) now = policy;
      }
      for (const Profit& other : all) CHECK(all[now].at(price) >= other.at(price) - 1e-9);
    }
  }
}
