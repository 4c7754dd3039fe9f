#include <algorithm>
#include <cmath>
#include <set>

#include "faultmaps/generators.h"
#include "faultmaps/operations.h"
#include "tests/support/catch.h"
#include "tests/support/random_placement.h"
#include "tests/support/refusal.h"
#include "workloads/errors.h"

using namespace stuckat;

namespace {

struct GeneratorSetup {
  explicit GeneratorSetup(uint64_t seed)
      : random(seed),
        network(test::random_network(random)),
        placement(seed % 3 == 2 ? test::random_loopback_placement(random, network)
                                : test::random_dataflow_placement(random, network)),
        sites(placement, network) {}
  test::Random random;
  Network network;
  Placement placement;
  SiteIndex sites;
};

std::vector<SiteKind> every_kind() {
  std::vector<SiteKind> kinds;
  for (const SiteRow& row : site_table()) kinds.push_back(row.kind);
  return kinds;
}

int64_t count(const std::vector<SiteKind>& kinds, const SiteIndex& sites) {
  int64_t total = 0;
  for (const SiteKind kind : kinds) {
    for (const SiteSpace& space : sites.of(kind)) total += space.sites();
  }
  return total;
}

/// Within five standard deviations of the mean of `draws` draws with this variance each.
bool near_mean(double sum, int draws, double mean, double variance) {
  return std::abs(sum - draws * mean) < 5 * std::sqrt(draws * variance) + 1e-9;
}

}  // namespace

TEST_CASE("a pattern with wildcards and ranges means what brute force finds") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    GeneratorSetup s(seed);
    const SiteRow& row = site_table()[seed % site_table().size()];
    const auto all = all_faults(row.kind, s.placement, s.network);
    if (all.empty()) continue;
    const Fault some = all[s.random() % all.size()];
    std::array<std::pair<int, int>, 4> wanted;
    std::string pattern = s.random() % 2 == 0 ? some.part : "*";
    pattern += "/";
    size_t next = 0;
    for (const char* p = row.pattern; *p != '\0'; ++p) {
      pattern += *p;
      if (*p != '[') continue;
      const int c = some.coordinates[next];
      const int choice = static_cast<int>(s.random() % 3);
      wanted[next++] = choice == 0   ? std::pair(c, c)
                       : choice == 1 ? std::pair(std::max(0, c - 1), c + 2)
                                     : std::pair(0, 1 << 30);
      const auto [first, last] = wanted[next - 1];
      if (choice == 0) pattern += std::to_string(c);
      if (choice == 1) pattern += std::to_string(first) + "-" + std::to_string(last);
      if (choice == 2) pattern += "*";
    }
    pattern += "=" + std::to_string(some.value);
    INFO(pattern);
    std::vector<Fault> expected;
    for (const Fault& fault : all) {
      bool match =
          fault.value == some.value && (pattern.starts_with("*") || fault.part == some.part);
      for (size_t i = 0; i < next; ++i) {
        match = match && fault.coordinates[i] >= wanted[i].first &&
                fault.coordinates[i] <= wanted[i].second;
      }
      if (match) expected.push_back(fault);
    }
    std::sort(expected.begin(), expected.end());
    CHECK(s.sites.expand(pattern, "test") == expected);
  }
}

TEST_CASE("a pattern that matches nothing, or is none, is explained") {
  GeneratorSetup s(0);
  const auto message = [&](const std::string& pattern) {
    return test::refusal([&] { s.sites.expand(pattern, "--fault"); });
  };
  CHECK_THAT(message("layer0/mvtu/pe[99]/dead=1"), Catch::Contains("pe 99, expected 0 to"));
  CHECK_THAT(message("layer0/mvtu/pe[*]/dead=77"), Catch::Contains("value 77, expected one of"));
  CHECK_THAT(message("layer0/mvtu/pe[1-x]/dead=1"), Catch::Contains("a range like 2-5"));
  CHECK_THAT(message("layer0/mvtu/pe[*]/ded=1"), Catch::Contains("unknown site"));
  CHECK_THAT(message("layre0/mvtu/pe[*]/dead=1"), Catch::Contains("unknown part"));
  CHECK_THAT(message("nothing*/pe[*]/dead=1"), Catch::Contains("matches no fault"));
  CHECK_THAT(message("layer0/mvtu/pe[*]/dead"), Catch::Contains("PART/SITE=VALUE"));
}

TEST_CASE("an exact map has exactly that many sites, each site equally often") {
  GeneratorSetup s(1);
  const std::vector<SiteKind> kinds = {SiteKind::pe_accumulator, SiteKind::stream_wire};
  const int64_t all = count(kinds, s.sites);
  std::map<std::string, int> hits;
  constexpr int draws = 2000;
  for (int seed = 0; seed < draws; ++seed) {
    const FaultMap map = exact_map(kinds, 3, static_cast<uint64_t>(seed), s.sites);
    REQUIRE(map.faults.size() == 3);
    for (const Fault& fault : map.faults) {
      const std::string full = name(fault);
      ++hits[full.substr(0, full.rfind('='))];
    }
  }
  const double p = 3.0 / static_cast<double>(all);
  CHECK(static_cast<int64_t>(hits.size()) == all);
  for (const auto& [site, times] : hits) {
    INFO(site);
    CHECK(near_mean(times, draws, p, p * (1 - p)));
  }
  CHECK(exact_map(kinds, all, 1, s.sites).faults.size() == static_cast<size_t>(all));
  CHECK(exact_map(kinds, 0, 1, s.sites).faults.empty());
  CHECK_THROWS_WITH(exact_map(kinds, all + 1, 1, s.sites), Catch::Contains("the sites of these"));
}

TEST_CASE("faults per chip are Poisson, or negative binomial with alpha") {
  GeneratorSetup s(3);
  const std::vector<SiteKind> kinds = {SiteKind::pe_weight};
  REQUIRE(count(kinds, s.sites) > 40);
  constexpr int chips = 4000;
  for (const double alpha : {0.0, 2.0}) {
    INFO("alpha " << alpha);
    const PoissonModel model{3, alpha};
    std::vector<FaultMap> lot;
    for (int64_t chip = 0; chip < chips; ++chip) {
      lot.push_back(poisson_map(kinds, model, chip_seed(7, chip), s.sites));
    }
    const LotStatistics found = lot_statistics(lot);
    const double variance = 3 + (alpha > 0 ? 9 / alpha : 0);
    const double faultless = alpha > 0 ? std::pow(1 + 3 / alpha, -alpha) : std::exp(-3);
    CHECK(near_mean(found.mean * chips, chips, 3, variance));
    CHECK(found.variance == Approx(variance).epsilon(0.15));
    CHECK(near_mean(static_cast<double>(found.faultless), chips, faultless,
                    faultless * (1 - faultless)));
    CHECK(found.least == 0);
    CHECK(found.most > 8);
  }
}

TEST_CASE("chips of a lot do not depend on how many are drawn, nor on each other") {
  GeneratorSetup s(4);
  std::set<uint64_t> seeds;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (int64_t chip = 0; chip < 50; ++chip) seeds.insert(chip_seed(seed, chip));
  }
  CHECK(seeds.size() == 1000);
  CHECK(chip_seed(1, 0) == 0x5e41ab087439611eu);  // fixed for ever: files record seeds
}

TEST_CASE("clusters lie within their radius, with the expected number of faults") {
  GeneratorSetup s(3);
  const std::vector<SiteKind> kinds = {SiteKind::pe_product};
  // Radius 0: all faults of a cluster in one cell.
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const FaultMap map = clustered_map(kinds, {1, 20, 0}, seed, s.sites);
    std::set<std::pair<std::string, std::pair<int, int>>> cells;
    for (const Fault& f : map.faults) cells.insert({f.part, {f.coordinates[0], f.coordinates[1]}});
    CHECK(cells.size() <= 6);  // as many as clusters, Poisson with mean 1
    for (const Fault& f : map.faults) s.sites.check(f, "test");
  }
  // A memory far larger than the clusters: few faults are lost or hit twice.
  Network network;
  network.add(test::random_layer(s.random, LayerKind::dense, {1, 1, 4096}, binary_format,
                                 binary_format, binary_format, 1, 1, 0, 64, "layer0", true));
  Placement placement{
      "test",
      {{"layer0/mvtu", 1, 64, Schedule::channel_parallel, {test::use_of(network, 0, 1, 64, 0)}}},
      {}};
  const SiteIndex sites(placement, network);
  const ClusterModel model{4, 6, 8};
  double total = 0;
  double close = 0, pairs = 0;
  constexpr int draws = 400;
  for (uint64_t seed = 0; seed < draws; ++seed) {
    const FaultMap map = clustered_map({SiteKind::pe_weight}, model, seed, sites);
    total += static_cast<double>(map.faults.size());
    for (size_t i = 0; i < map.faults.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        const auto& a = map.faults[i].coordinates;
        const auto& b = map.faults[j].coordinates;
        close += std::hypot(a[1] - b[1], a[2] - b[2]) <= 2 * model.radius + 1.5 ? 1 : 0;
        ++pairs;
      }
    }
  }
  // Mean 4 * 6, variance 4 * (6 + 36); a tenth may be lost at the edges (64 columns).
  CHECK(total < draws * 24.0 + 5 * std::sqrt(draws * 168.0));
  CHECK(total > draws * 24.0 * 0.88 - 5 * std::sqrt(draws * 168.0));
  // Pairs of one cluster: 4 * 36 / 2 = 72 of 24 * 24 / 2 + 72 = 360 in the mean; uniform: 0.4 %.
  CHECK(close / pairs > 0.12);
  CHECK_THROWS_AS(clustered_map(kinds, {1, 1, -1}, 1, s.sites), InputError);
  CHECK_THROWS_AS(clustered_map(kinds, {1e9, 1e9, 1}, 1, s.sites), InputError);
}

TEST_CASE("a broken line is every address of a bit line, at one value, and nothing else") {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    INFO("seed " << seed);
    GeneratorSetup s(seed);
    const std::vector<SiteKind> kinds = {SiteKind::pe_weight};
    if (count(kinds, s.sites) == 0) continue;
    const FaultMap map = broken_lines(kinds, {"address"}, 2, seed, s.sites);
    std::map<std::tuple<std::string, int, int, int>, std::set<int>> lines;
    std::set<std::tuple<std::string, int, int, int, int>> values;
    for (const Fault& f : map.faults) {
      const auto& c = f.coordinates;
      lines[{f.part, c[0], c[2], c[3]}].insert(c[1]);
      values.insert({f.part, c[0], c[2], c[3], f.value});
    }
    REQUIRE(lines.size() == 2);
    CHECK(values.size() == 2);
    for (const auto& [line, addresses] : lines) {
      const SiteSpace* space = s.sites.find(SiteKind::pe_weight, std::get<0>(line));
      CHECK(static_cast<int>(addresses.size()) == space->counts[1]);
    }
  }
  GeneratorSetup s(0);
  CHECK_THROWS_WITH(broken_lines({SiteKind::pe_weight}, {"adress"}, 1, 1, s.sites),
                    Catch::Contains("did you mean 'address'"));
  CHECK_THROWS_AS(broken_lines({SiteKind::pe_weight}, {"address"}, 1 << 30, 1, s.sites),
                  InputError);
}

TEST_CASE("every generator gives a valid map on every kind and accelerator, the same twice") {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    INFO("seed " << seed);
    GeneratorSetup s(seed);
    const auto kinds = every_kind();
    const auto make = [&](int which) {
      switch (which) {
        case 0:
          return random_map(kinds, 0.05, seed, s.sites);
        case 1:
          return exact_map(kinds, 10, seed, s.sites);
        case 2:
          return poisson_map(kinds, {5, 1}, seed, s.sites);
        case 3:
          return clustered_map(kinds, {3, 4, 2.5}, seed, s.sites);
        default:
          return thinned_map(exact_map(kinds, 40, seed, s.sites), 0.5, seed);
      }
    };
    for (int which = 0; which < 5; ++which) {
      INFO("generator " << which);
      FaultMap map = make(which);
      CHECK(map == make(which));
      FaultMap checked = map;
      validate(checked, s.placement, s.network, "test");
      CHECK(checked == map);
    }
  }
}
