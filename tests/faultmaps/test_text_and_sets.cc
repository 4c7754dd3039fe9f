#include <algorithm>
#include <set>

#include "faultmaps/generators.h"
#include "faultmaps/operations.h"
#include "faultmaps/text_files.h"
#include "tests/support/catch.h"
#include "tests/support/random_placement.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"

using namespace stuckat;

namespace {

struct TextSetup {
  explicit TextSetup(uint64_t seed)
      : random(seed),
        network(test::random_network(random)),
        placement(test::random_dataflow_placement(random, network)),
        sites(placement, network) {}
  FaultMap some(int most) {
    FaultMap map = test::random_faults(random, placement, network, most);
    map.accelerator_hash = sites.accelerator_hash();
    return map;
  }
  /// Half of it from the map, values changed here and there.
  FaultMap relative(const FaultMap& map) {
    FaultMap result = thinned_map(map, 0.5, random());
    for (Fault& f : result.faults) {
      const auto& values = sites.find(f.kind, f.part)->values;
      if (random() % 4 == 0) f.value = values[random() % values.size()];
    }
    return unite(result, some(10), Contradiction::first_wins, "test");
  }
  test::Random random;
  Network network;
  Placement placement;
  SiteIndex sites;
};

}  // namespace

TEST_CASE("the union of many maps is that of the first two, united with the next, and so on") {
  int refused = 0;
  for (uint64_t seed = 0; seed < 80; ++seed) {
    INFO("seed " << seed);
    TextSetup s(seed);
    std::vector<FaultMap> maps = {s.some(30)};
    while (maps.size() < 2 + seed % 7) maps.push_back(s.relative(maps.back()));
    for (FaultMap& map : maps) {  // transients next to what is stuck at the same hardware
      for (size_t i = 0, end = map.faults.size(); i < end && seed % 2 == 1; i += 2) {
        if (!site_row(map.faults[i].kind).flips()) continue;
        Fault flip = map.faults[i];
        flip.value = 0;
        flip.flip_cycle = static_cast<int64_t>(s.random() % 3);
        map.faults.push_back(flip);
      }
      validate(map, s.sites, "test");
    }
    for (const auto rule : {Contradiction::first_wins, Contradiction::last_wins,
                            Contradiction::drop, Contradiction::refuse}) {
      std::string one_by_one, at_once;
      FaultMap expected = maps.front();
      try {
        for (size_t i = 1; i < maps.size(); ++i) expected = unite(expected, maps[i], rule, "test");
      } catch (const InputError& error) {
        one_by_one = error.what();
      }
      FaultMap result = expected;
      try {
        result = unite(maps, rule, "test");
      } catch (const InputError& error) {
        at_once = error.what();
      }
      CHECK(at_once == one_by_one);
      CHECK(result == expected);
      refused += at_once.empty() ? 0 : 1;
    }
  }
  CHECK(refused > 10);
}

TEST_CASE("maps keep the transients of one site in different cycles apart") {
  TextSetup s(1);
  FaultMap map = s.sites.healthy();
  for (const SiteSpace& space : s.sites.of(SiteKind::pe_weight)) {
    if (space.sites() == 0) continue;
    map.faults = {space.at(0)};
    break;
  }
  REQUIRE(map.faults.size() == 1);
  FaultMap early = map, late = map, stuck = map;
  early.faults[0].flip_cycle = 5;
  late.faults[0].flip_cycle = 7;
  stuck.faults[0].value = 1;
  CHECK(unite(early, late, Contradiction::refuse, "test").faults.size() == 2);
  CHECK(unite({late, stuck, early, early}, Contradiction::refuse, "test").faults.size() == 3);
  CHECK(contradictions(early, stuck).empty());
  CHECK(distance(early, late, "test").hamming() == 2);
}

TEST_CASE("union, intersection and difference obey the laws of sets") {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    INFO("seed " << seed);
    TextSetup s(seed);
    const FaultMap a = s.some(30);
    const FaultMap b = s.relative(a);
    const FaultMap c = s.relative(b);
    const auto first = Contradiction::first_wins;
    const auto last = Contradiction::last_wins;
    const auto either = [&](const FaultMap& x, const FaultMap& y) {
      return unite(x, y, first, "test");
    };
    CHECK(either(a, a) == a);
    CHECK(either(a, {}) == a);
    CHECK(either(either(a, b), c) == either(a, either(b, c)));
    CHECK(unite(a, b, last, "test") == either(b, a));
    CHECK(intersect(a, b, "test") == intersect(b, a, "test"));
    CHECK(intersect(a, either(a, b), "test") == a);
    CHECK(either(subtract(a, b, "test"), intersect(a, b, "test")) == a);
    CHECK(intersect(subtract(a, b, "test"), b, "test").faults.empty());
    const auto both = contradictions(a, b);
    const FaultMap dropped = unite(a, b, Contradiction::drop, "test");
    CHECK(dropped.faults.size() + both.size() == either(a, b).faults.size());
    for (const auto& [x, y] : both) {
      CHECK((same_site(x, y) && x.value != y.value));
      for (const Fault& f : dropped.faults) REQUIRE(!same_site(f, x));
    }
    if (both.empty()) {
      CHECK(unite(a, b, Contradiction::refuse, "test") == either(a, b));
      CHECK(either(a, b) == either(b, a));
    } else {
      const auto text = test::refusal([&] { unite(a, b, Contradiction::refuse, "test"); });
      CHECK_THAT(text, Catch::Contains(name(both[0].first)) && Catch::Contains("one value"));
    }
    FaultMap result = either(a, b);
    validate(result, s.sites, "test");
    CHECK(result == either(a, b));
  }
  FaultMap other{"loopback:1x1", {}};
  CHECK_THROWS_AS(intersect(TextSetup(0).some(3), other, "test"), InputError);
  CHECK_THROWS_WITH(parse_contradiction("frist", "--rule"), Catch::Contains("'first'"));
}

TEST_CASE("distances are metrics, and count what brute force counts") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    TextSetup s(seed);
    const FaultMap a = s.some(30);
    const FaultMap b = s.relative(a);
    const FaultMap c = s.relative(b);
    const MapDistance ab = distance(a, b, "test");
    const MapDistance bc = distance(b, c, "test");
    const MapDistance ac = distance(a, c, "test");
    CHECK(ab.hamming() == distance(b, a, "test").hamming());
    CHECK(ab.jaccard() == distance(b, a, "test").jaccard());
    CHECK(distance(a, a, "test").hamming() == 0);
    CHECK(distance(a, a, "test").jaccard() == 0);
    CHECK(ac.hamming() <= ab.hamming() + bc.hamming());
    CHECK(ac.jaccard() <= ab.jaccard() + bc.jaccard() + 1e-12);
    std::set<Fault> all(a.faults.begin(), a.faults.end());
    all.insert(b.faults.begin(), b.faults.end());
    const auto common = static_cast<double>(intersect(a, b, "test").faults.size());
    CHECK(ab.jaccard() == Approx(1 - common / static_cast<double>(all.size())));
    CHECK(ab.contradicting == static_cast<int64_t>(contradictions(a, b).size()));
    CHECK(ab.common + ab.contradicting + ab.only_first == static_cast<int64_t>(a.faults.size()));
  }
  CHECK(distance({}, {}, "test").jaccard() == 0);
}

TEST_CASE("statistics count every fault once, against the sites that exist") {
  TextSetup s(2);
  const FaultMap map = s.some(40);
  int64_t broken = 0;
  for (const SiteCount& row : count_sites(map, s.sites)) {
    broken += row.broken;
    CHECK(row.broken <= row.sites);
    CHECK(row.sites == s.sites.find(row.kind, row.part)->sites());
  }
  CHECK(broken == static_cast<int64_t>(map.faults.size()));
  const LotStatistics lot = lot_statistics({map, {}, map});
  CHECK(lot.chips == 3);
  CHECK(lot.faultless == 1);
  CHECK(lot.mean == Approx(2.0 / 3 * static_cast<double>(map.faults.size())));
  CHECK(lot_statistics({}).chips == 0);
}

TEST_CASE("maps survive CSV and JSON, with and without the accelerator at hand") {
  test::TemporaryFolder folder;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    INFO("seed " << seed);
    TextSetup s(seed);
    const FaultMap empty = s.sites.healthy();
    const std::vector<FaultMap> chips = {s.some(20), empty, s.some(20), empty};
    for (const SiteIndex* sites :
         {static_cast<const SiteIndex*>(nullptr), &std::as_const(s.sites)}) {
      CHECK(parse_fault_csv(fault_csv(chips), "test", sites) == chips);
      CHECK(parse_fault_csv(fault_csv(chips, CsvStyle::columns), "test", sites) == chips);
      CHECK(parse_fault_json(fault_json(chips), "test", sites) == chips);
    }
    test::write_bytes(folder / "list.csv", fault_csv(chips));
    test::write_bytes(folder / "list.json", fault_json(chips));
    write_fault_maps(folder / "list.h5", chips);
    for (const char* file : {"list.csv", "list.json", "list.h5"}) {
      CHECK(read_fault_file(folder / file, &s.sites) == chips);
    }
  }
  CHECK_THROWS_WITH(read_fault_file(folder / "list.txt"), Catch::Contains(".csv"));
}

TEST_CASE("lists as spreadsheets write them are read") {
  TextSetup s(0);
  FaultMap expected = s.sites.healthy();
  expected.faults = {{SiteKind::pe_accumulator, "layer0/mvtu", {0, 1}, 1}};
  for (const char* text : {
           "fault\nlayer0/mvtu/pe[0]/accumulator[1]=1\n",
           "\xEF\xBB\xBF"
           "fault;chip\r\n\r\n\"layer0/mvtu/pe[0]/accumulator[1]=1\" ; 0\r\n",
           "# from the tester\nvalue\tbit\tpe\tpart\tsite\n1\t1\t0\tlayer0/mvtu\tpe/accumulator",
           "chip,site,part,pe,lane,bit,value\n,pe/accumulator,layer0/mvtu,0,,1,1\n",
       }) {
    INFO(text);
    CHECK(parse_fault_csv(text, "test", &s.sites) == std::vector{expected});
  }
  CHECK(parse_fault_json(R"({"schema": "stuckat.fault-map", "schema_version": 1, "chips": [[
      {"site": "pe/accumulator", "part": "layer0/mvtu", "pe": 0, "bit": 1, "value": 1}]]})",
                         "test", &s.sites) == std::vector{expected});
}

TEST_CASE("a wrong line gets its number and what was meant") {
  TextSetup s(0);
  const auto csv = [&](const std::string& text) {
    return test::refusal([&] { parse_fault_csv(text, "f.csv", &s.sites); });
  };
  CHECK_THAT(csv(""), Catch::Contains("no header line"));
  CHECK_THAT(csv("chip,falt\n"), Catch::Contains("f.csv:1: unknown column 'falt', did you mean "
                                                 "'fault'"));
  CHECK_THAT(csv("chip,chip,fault\n"), Catch::Contains("twice"));
  CHECK_THAT(csv("chip\n"), Catch::Contains("neither or both"));
  CHECK_THAT(csv("fault\n\nlayer0/mvtu/pe[0]/acumulator[0]=1"),
             Catch::Contains("f.csv:3: ") && Catch::Contains("unknown site"));
  CHECK_THAT(csv("fault\nlayer0/mvtu/pe[77]/dead=1"),
             Catch::Contains("f.csv:2") && Catch::Contains("pe 77, expected 0 to"));
  CHECK_THAT(csv("chip,fault\n-1,"), Catch::Contains("f.csv:2: chip '-1'"));
  CHECK_THAT(csv("chip,fault\n99999999999999999999,"), Catch::Contains("f.csv:2: chip"));
  CHECK_THAT(csv("chip,fault\n0,a,b"), Catch::Contains("3 fields, expected 2"));
  CHECK_THAT(csv("fault\n\"layer0"), Catch::Contains("open quote"));
  CHECK_THAT(csv("site,part,value,pe\npe/ded,layer0/mvtu,1,0"),
             Catch::Contains("did you mean 'pe/dead'"));
  CHECK_THAT(csv("site,part,value,pe,bit\npe/dead,layer0/mvtu,1,0,3"), Catch::Contains("no bit"));
  CHECK_THAT(csv("site,part,value\npe/dead,layer0/mvtu,1"), Catch::Contains("no pe"));
  CHECK_THAT(csv("site,part,value,pe\npe/dead,layer0/mvut,1,0"), Catch::Contains("layer0/mvtu"));
  CHECK_THAT(csv("# accelerator: loopback:3x3\nfault\n"), Catch::Contains("loopback:3x3"));
  CHECK_THAT(csv("fault\nlayer0/mvtu/pe[0]/accumulator[0]=1\nlayer0/mvtu/pe[0]/accumulator[0]=0"),
             Catch::Contains("stuck at one value"));
  const auto json = [&](const std::string& text) {
    return test::refusal([&] { parse_fault_json(text, "f.json", &s.sites); });
  };
  const std::string start = R"({"schema":"stuckat.fault-map","schema_version":1,)";
  CHECK_THAT(json("{\n\"schema\": }"), Catch::Contains("line 2"));
  CHECK_THAT(json("[]"), Catch::Contains("a JSON object"));
  CHECK_THAT(json(start + R"("chips":[["layer0/mvtu/pe[0]/dad=1"]]})"),
             Catch::Contains("f.json: chips[0][0]: ") && Catch::Contains("unknown site"));
  CHECK_THAT(json(start + R"("chips":[[],[3]]})"), Catch::Contains("chips[1][0]: no fault"));
  CHECK_THAT(json(start + R"("chps":[]})"), Catch::Contains("did you mean 'chips'"));
}

TEST_CASE("damaged text is refused or read, never crashed on") {
  TextSetup s(5);
  const std::vector<FaultMap> chips = {s.some(20), s.some(20)};
  const std::vector<std::string> good = {fault_csv(chips), fault_csv(chips, CsvStyle::columns),
                                         fault_json(chips)};
  int refused = 0;
  int read = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string bad = test::damaged(good[static_cast<size_t>(i) % 3], s.random);
    const SiteIndex* sites = i % 2 == 0 ? nullptr : &s.sites;
    try {
      auto maps =
          i % 3 == 2 ? parse_fault_json(bad, "test", sites) : parse_fault_csv(bad, "test", sites);
      ++read;
      if (sites == nullptr) continue;
      for (FaultMap& map : maps) validate(map, s.sites, "test");  // every site that is read exists
    } catch (const InputError& error) {
      ++refused;
      CHECK_THAT(error.what(), Catch::StartsWith("test"));
    }
  }
  CHECK(refused > 1000);
  CHECK(read > 100);
}

TEST_CASE("a bitmap of every memory survives, and names the cells that fail") {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    INFO("seed " << seed);
    TextSetup s(seed);
    int memories = 0;
    for (const SiteSpace& space : s.sites.spaces()) {
      const SiteGrid grid = grid_of(space);
      const bool bits = space.row->value == ValueKind::bit;
      if (!grid.is_memory || space.sites() == 0 || !bits) continue;
      std::string memory_name = space.part + "/" + space.row->pattern;
      while (memory_name.ends_with("[]")) memory_name.resize(memory_name.size() - 2);
      const size_t open = memory_name.find("[]");
      const int pe = test::uniform(s.random, 0, static_cast<int>(grid.planes) - 1);
      if (open != std::string::npos) memory_name.insert(open + 1, std::to_string(pe));
      INFO(memory_name);
      const Memory memory = parse_memory(memory_name, s.sites, "test");
      CHECK(memory.space == &space);
      FaultMap map = s.sites.healthy();
      for (int64_t cell = 0; cell < grid.rows * grid.columns; ++cell) {
        if (s.random() % 3 > 0) continue;
        map.faults.push_back(space.at(memory.plane * grid.rows * grid.columns + cell));
        map.faults.back().value = 1;
      }
      const std::string text = bitmap(map, memory);
      CHECK(parse_bitmap(text, memory, 1, s.sites, "test") == map);
      std::string dense = text;
      dense.erase(std::remove(dense.begin(), dense.end(), ','), dense.end());
      CHECK(parse_bitmap(dense, memory, 1, s.sites, "test") == map);
      CHECK_THAT(test::refusal([&] { parse_bitmap(text + text, memory, 1, s.sites, "b.csv"); }),
                 Catch::Contains("b.csv:" + std::to_string(grid.rows + 1)));
      CHECK_THAT(test::refusal([&] {
                   parse_bitmap("row,col\n0,0\n0," + std::to_string(grid.columns), memory, 1,
                                s.sites, "b.csv");
                 }),
                 Catch::Contains("b.csv:3: col"));
      const FaultMap one = parse_bitmap("row,col,value\n0,0,0\n", memory, 1, s.sites, "test");
      CHECK((one.faults.size() == 1 && one.faults[0].value == 0));
      ++memories;
    }
    CHECK(memories > 1);
    CHECK_THAT(
        test::refusal([&] { parse_memory("layer0/mvtu/pe[0]/wieght", s.sites, "--memory"); }),
        Catch::Contains("weight"));
    CHECK_THAT(
        test::refusal([&] { parse_memory("layer0/mvtu/pe[999]/weight", s.sites, "--memory"); }),
        Catch::Contains("pe 999"));
  }
}
