#include <set>

#include "faultmaps/fault_map.h"
#include "faultmaps/generators.h"
#include "faultmaps/operations.h"
#include "faultmaps/text_files.h"
#include "tests/support/catch.h"
#include "tests/support/random_placement.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"

using namespace stuckat;

// HDF5 keeps what it allocated for a file that turned out to be damaged.
extern "C" const char* __lsan_default_suppressions();  // NOLINT: LeakSanitizer's name
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

namespace {

struct Setup {
  explicit Setup(uint64_t seed, bool loopback = false) : random(seed) {
    network = test::random_network(random);
    placement = loopback ? test::random_loopback_placement(random, network)
                         : test::random_dataflow_placement(random, network);
  }
  test::Random random;
  Network network;
  Placement placement;
};

}  // namespace

TEST_CASE("the site table is indexed by kind and every row is filled in") {
  std::set<std::string> names;
  for (size_t i = 0; i < site_table().size(); ++i) {
    const SiteRow& row = site_table()[i];
    INFO(row.name);
    CHECK(static_cast<size_t>(row.kind) == i);
    CHECK(names.insert(row.name).second);
    const std::string pattern = row.pattern;
    CHECK(std::count(pattern.begin(), pattern.end(), '[') ==
          static_cast<int>(row.coordinates.size()));
    for (const char* text : {row.meaning, row.effect, row.masked, row.source}) {
      CHECK(std::string(text).size() > 5);
    }
    CHECK(parse_site_kind(row.name, "test") == row.kind);
    CHECK(row.lower != nullptr);
    CHECK(row.flips() == (row.lower_flip != nullptr));
  }
}

TEST_CASE("every fault of every row has a name that reads back, and an index") {
  std::set<SiteKind> seen;
  for (uint64_t seed = 0; seed < 12; ++seed) {
    Setup s(seed, seed % 2 == 1);
    for (const SiteRow& row : site_table()) {
      const auto faults = all_faults(row.kind, s.placement, s.network);
      REQUIRE(count_faults(row.kind, s.placement, s.network) ==
              static_cast<int64_t>(faults.size()));
      if (!faults.empty()) seen.insert(row.kind);
      for (size_t i = 0; i < faults.size(); i += 1 + faults.size() / 40) {
        INFO(name(faults[i]));
        REQUIRE(parse_fault(name(faults[i]), s.placement, s.network, "test") == faults[i]);
        REQUIRE(fault_at(row.kind, static_cast<int64_t>(i), s.placement, s.network) == faults[i]);
      }
    }
  }
  // Parts in RTL: tests/agree/test_rtl_parts.cc; sums: tests/agree/test_dataflow_graphs.cc.
  for (const SiteKind kind : {SiteKind::ring_cell, SiteKind::replay_cell, SiteKind::output_register,
                              SiteKind::average_sum, SiteKind::adder_sum}) {
    CHECK(seen.insert(kind).second);
  }
  CHECK(seen.size() == site_table().size());
}

TEST_CASE("a wrong fault name gets one line that says what was meant") {
  Setup s(3);
  const auto message = [&](const std::string& text) {
    return test::refusal([&] { parse_fault(text, s.placement, s.network, "--fault"); });
  };
  CHECK_THAT(message("layer0/mvtu/pe[0]/acumulator[0]=1"),
             Catch::Contains("did you mean 'pe[]/accumulator[]'") ||
                 Catch::Contains("pe[]/accumulator[]"));
  CHECK_THAT(message("layer0/mvtu/pe[99]/dead=1"), Catch::Contains("pe 99, expected 0 to"));
  CHECK_THAT(message("layer0/mvtu/pe[0]/accumulator[0]=2"), Catch::Contains("one of 0 1"));
  CHECK_THAT(message("layr0/mvtu/pe[0]/dead=1"), Catch::Contains("unknown part"));
  CHECK_THAT(message("nonsense"), Catch::Contains("expected PART/SITE=VALUE"));
  CHECK_THAT(message("layer0/mvtu/pe[x]/dead=1"), Catch::Contains("unknown site"));
  CHECK_THAT(message("layer0/mvtu/pe[0/dead=1"), Catch::Contains("unknown site"));
  CHECK(message("layer0/mvtu/pe[99999999999999999999]/dead=1") != "accepted");
}

TEST_CASE("a map is sorted and unique, contradictions and other accelerators' maps are refused") {
  Setup s(4);
  const Fault one = parse_fault("layer0/mvtu/pe[0]/accumulator[0]=1", s.placement, s.network, "t");
  Fault zero = one;
  zero.value = 0;
  FaultMap twice{s.placement.accelerator, {one, one}};
  validate(twice, s.placement, s.network, "test");
  CHECK(twice.faults.size() == 1);
  FaultMap both{s.placement.accelerator, {one, zero}};
  CHECK_THROWS_WITH(validate(both, s.placement, s.network, "test"),
                    Catch::Contains("a site stuck at one value"));
  FaultMap other{"loopback:32x64", {one}};
  CHECK_THROWS_WITH(validate(other, s.placement, s.network, "test"),
                    Catch::Contains("loopback:32x64"));
}

TEST_CASE("a map made for another folding of the same name is refused, whatever it went through") {
  Setup s(4);
  const SiteIndex sites(s.placement, s.network);
  Placement other = s.placement;
  other.streams.back().depth += 1;  // the same name
  const SiteIndex other_sites(other, s.network);
  REQUIRE(sites.accelerator() == other_sites.accelerator());
  const FaultMap map = exact_map({SiteKind::pe_weight}, 3, 1, sites);
  CHECK(map.accelerator_hash == content_hash(s.placement));
  const test::TemporaryFolder folder;
  const std::string path = folder / "folding.h5";
  write_fault_maps(path, {map, map});
  std::vector<FaultMap> ways = read_fault_maps(path);
  CHECK(ways == std::vector<FaultMap>{map, map});
  ways.push_back(parse_fault_csv(fault_csv({map}), "csv").front());
  ways.push_back(parse_fault_csv(fault_csv({map}, CsvStyle::columns), "csv", &sites).front());
  ways.push_back(parse_fault_json(fault_json({map}), "json").front());
  ways.push_back(unite({map, map, sites.healthy()}, Contradiction::refuse, "test"));
  ways.push_back(intersect(map, {}, "test"));
  ways.push_back(thinned_map(map, 0.5, 1));
  for (FaultMap& way : ways) {
    CHECK(way.accelerator_hash == map.accelerator_hash);
    CHECK_NOTHROW(validate(way, sites, "here"));
    const auto text = test::refusal([&] { validate(way, other_sites, "here"); });
    CHECK_THAT(text, Catch::StartsWith("here: a fault map for another folding of " +
                                       s.placement.accelerator));
    CHECK(text.find('\n') == std::string::npos);
  }
  CHECK_THROWS_AS(parse_fault_csv(fault_csv({map}), "csv", &other_sites), InputError);
  CHECK_THROWS_AS(parse_fault_json(fault_json({map}), "json", &other_sites), InputError);
  CHECK_THROWS_AS(unite(map, other_sites.healthy(), Contradiction::last_wins, "test"), InputError);
  CHECK_THROWS_AS(write_fault_maps(path, {map, other_sites.healthy()}), InputError);
  FaultMap old = map;  // of a version that knew no content
  old.accelerator_hash.clear();
  write_fault_maps(path, {old});
  CHECK(read_fault_maps(path) == std::vector<FaultMap>{old});
  CHECK_NOTHROW(validate(old, other_sites, "here"));
}

TEST_CASE("whatever an accelerator's parts differ in, its content differs") {
  std::set<std::string> contents;
  int variants = 0;
  for (const bool loopback : {false, true}) {
    const Setup s(7, loopback);
    const auto add = [&](const auto& change) {
      Placement p = s.placement;
      change(p);
      contents.insert(content_hash(p));
      ++variants;
    };
    add([](Placement&) {});
    add([](Placement& p) { p.accelerator += "x"; });
    add([](Placement& p) { p.arrays[0].simd += 1; });
    add([](Placement& p) { p.arrays[0].schedule = Schedule(1 - int(p.arrays[0].schedule)); });
    add([](Placement& p) { p.arrays[0].uses[0].threshold_bits += 1; });
    add([](Placement& p) { p.streams.push_back({.name = "x"}); });
    add([](Placement& p) { p.streams.push_back({.name = "x", .position = 1}); });
    add([](Placement& p) { p.windows.push_back({.name = "x"}); });
    add([](Placement& p) { p.pools.push_back({.name = "x"}); });
    add([](Placement& p) { p.memories.push_back({.name = "x"}); });
    add([](Placement& p) { p.others.push_back({.name = "x"}); });
    add([](Placement& p) { p.others.push_back({.name = "x", .figures = {1}}); });
    add([](Placement& p) { p.memories.push_back({.name = "x", .tensors = {{1, 2, 0}}}); });
  }
  CHECK(contents.size() == static_cast<size_t>(variants));
}

TEST_CASE("a random map has about rate times sites faults, and the seed decides which") {
  Setup s(5);
  const std::vector<SiteKind> kinds = {SiteKind::pe_weight};
  const auto sites =
      static_cast<double>(count_faults(SiteKind::pe_weight, s.placement, s.network)) / 2;
  double total = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    total +=
        static_cast<double>(random_map(kinds, 0.1, seed, s.placement, s.network).faults.size());
  }
  const double deviation = 5 * std::sqrt(400 * sites * 0.09);
  CHECK(std::abs(total - 400 * 0.1 * sites) < deviation);
  CHECK(random_map(kinds, 0.1, 1, s.placement, s.network) ==
        random_map(kinds, 0.1, 1, s.placement, s.network));
  CHECK(!(random_map(kinds, 0.1, 1, s.placement, s.network) ==
          random_map(kinds, 0.1, 2, s.placement, s.network)));
  CHECK(random_map(kinds, 0, 1, s.placement, s.network).faults.empty());
  CHECK(static_cast<double>(random_map(kinds, 1, 1, s.placement, s.network).faults.size()) ==
        sites);
  CHECK_THROWS_AS(random_map(kinds, 1.5, 1, s.placement, s.network), InputError);
}

TEST_CASE("fault maps survive their file, an empty chip included") {
  Setup s(6);
  std::vector<FaultMap> chips = {test::random_faults(s.random, s.placement, s.network, 20),
                                 {s.placement.accelerator, {}},
                                 test::random_faults(s.random, s.placement, s.network, 5)};
  const test::TemporaryFolder folder;
  const std::string path = folder / "maps.h5";
  write_fault_maps(path, chips);
  CHECK(read_fault_maps(path) == chips);
  chips[1].accelerator = "another";
  CHECK_THROWS_AS(write_fault_maps(path, chips), InputError);
  chips[1].accelerator = chips[0].accelerator;
  CHECK(read_fault_maps(path) == chips);  // the failed write left the old file
}

TEST_CASE("a damaged fault map file is refused, never crashed on") {
  Setup s(8);
  const test::TemporaryFolder folder;
  const std::string path = folder / "damaged.h5";
  const std::vector<FaultMap> written = {test::random_faults(s.random, s.placement, s.network, 20)};
  write_fault_maps(path, written);
  const std::string good = test::read_bytes(path);
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    std::string bad = good;
    if (i % 2 == 0) bad.resize(s.random() % good.size());
    for (int flips = 0; flips < 3 && !bad.empty(); ++flips) {
      bad[s.random() % bad.size()] ^= static_cast<char>(1u << (s.random() % 8));
    }
    test::write_bytes(path, bad);
    try {
      const std::vector<FaultMap> read = read_fault_maps(path);
      CHECK(read == written);  // the damage is where nothing of the map is
    } catch (const InputError&) {
      ++refused;
    }
  }
  CHECK(refused >= 100);  // every one that is cut off
}
