#include <set>

#include "faultmaps/lower.h"
#include "sim/campaign/fault_set.h"
#include "sim/campaign/sampling.h"
#include "tests/sim/campaign/campaign_setup.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "workloads/errors.h"
#include "workloads/zoo.h"

using namespace stuckat;
using namespace stuckat::campaign;
using test::CampaignSetup;
using test::TemporaryFolder;
using test::thinned;

namespace {

/// Identifiers are unique, strata cover the set, and names give back what they came from.
void check_set(const FaultSet& faults, const Network& network, const Placement* placement) {
  std::set<std::string> ids;
  for (int64_t i = 0; i < faults.size(); ++i) {
    const FaultInfo info = faults.info(i);
    CHECK(ids.insert(info.id).second);
    const FaultSet again = named_faults(network, placement, {info.id}, {faults.parts(i)}, "test");
    CHECK(again.info(0) == info);
    CHECK(again.effects(0) == faults.effects(i));
  }
  int64_t next = 0;
  for (const Stratum& s : faults.strata()) {
    CHECK(s.first == next);
    CHECK(s.count > 0);
    CHECK(s.population == s.count);
    next += s.count;
  }
  CHECK(next == faults.size());
}

}  // namespace

TEST_CASE("the published numbers of channel faults of CNV are the sizes of the channel sets") {
  const std::vector<std::pair<const char*, int64_t>> sizes = {
      {"cnv-w1a1", 3840}, {"cnv-w1a2", 5760}, {"cnv-w1a3", 13440}, {"cnv-w1a4", 28800}};
  for (const auto& [name, size] : sizes) {
    const FaultSet faults = channel_faults(zoo_network(name));
    CHECK(faults.size() == size);
    CHECK(faults.strata().size() == 8);
  }
  const FaultSet faults = channel_faults(zoo_network("cnv-w1a1"));
  CHECK(faults.info(128 + 10).id == "layer1/channel[5]=-1");
  CHECK(faults.info(128 + 11).id == "layer1/channel[5]=1");
  CHECK(faults.info(128 + 11).channel == 5);
}

TEST_CASE("pixel sets skip 1x1 outputs and come after or before the pool") {
  const Network network = zoo_network("cnv-w1a1");
  // CNV: 30, 14 after the pool (28 before), 12, 5 (10), 3, then 1x1.
  const int64_t behind = 30 * 30 + 14 * 14 + 12 * 12 + 5 * 5 + 3 * 3;
  const int64_t before = 30 * 30 + 28 * 28 + 12 * 12 + 10 * 10 + 3 * 3;
  CHECK(pixel_faults(network).size() == 2 * behind);
  CHECK(pixel_faults(network, true).size() == 2 * before);
  CHECK(pixel_faults(network).info(2 * 900 + 2 * 14).id == "layer1/pixel[1,0]=-1");
  CHECK(pixel_faults(network, true).info(2 * 900).id == "layer1/pixel:before-pool[0,0]=-1");
}

TEST_CASE("names, network and placement rebuild every fault of every kind of set") {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    INFO("seed " << seed);
    CampaignSetup s(seed);
    for (const char* spec : {"channel", "pixel", "pixel:before-pool"}) {
      INFO(spec);
      check_set(parse_fault_set(spec, s.network, nullptr, "--faults"), s.network, nullptr);
    }
    const FaultSet weights = parse_fault_set("weight", s.network, nullptr, "--faults");
    check_set(thinned(weights, 1 + weights.size() / 40, s.network, nullptr), s.network, nullptr);
    for (const Placement* placement : {&s.dataflow, &s.loopback}) {
      const FaultSet pe = parse_fault_set("pe", s.network, placement, "--faults");
      check_set(pe, s.network, placement);
      CHECK(pe.size() == count_faults(SiteKind::pe_dead, *placement, s.network));
      for (const SiteRow& row : site_table()) {
        INFO(row.name);
        const FaultSet all = site_faults(s.network, *placement, row.kind);
        CHECK(all.size() == count_faults(row.kind, *placement, s.network));
        if (all.size() == 0) continue;
        check_set(thinned(all, 1 + all.size() / 8, s.network, placement), s.network, placement);
        const int64_t last = all.size() - 1;
        const Fault fault = fault_at(row.kind, last, *placement, s.network);
        CHECK(all.info(last).id == name(fault));
        CHECK(all.effects(last) == lower({placement->accelerator, {fault}}, *placement, s.network));
      }
    }
  }
}

TEST_CASE("chips in memory, in a file and by the names of their faults are the same set") {
  const TemporaryFolder folder;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    INFO("seed " << seed);
    CampaignSetup s(seed);
    const Placement& placement = seed % 2 == 0 ? s.dataflow : s.loopback;
    std::vector<FaultMap> chips;
    for (int i = 0; i < 6; ++i) {
      chips.push_back(test::random_faults(s.random, placement, s.network, 1 + 3 * i));
    }
    chips.push_back({placement.accelerator, {}});
    write_fault_maps(folder / "lot.h5", chips);
    const FaultSet of_file = map_faults(s.network, placement, {folder / "lot.h5"});
    const FaultSet typed = chip_faults(s.network, placement, chips, "lot.h5");
    CHECK(typed.spec() == of_file.spec());
    CHECK(content_hash(typed) == content_hash(of_file));
    REQUIRE(typed.size() == static_cast<int64_t>(chips.size()));
    std::vector<std::string> ids;
    std::vector<std::vector<std::string>> parts;
    for (int64_t i = 0; i < typed.size(); ++i) {
      const FaultMap& chip = chips[static_cast<size_t>(i)];
      CHECK(typed.faults(i) == chip.faults);
      ids.push_back("lot.h5[" + std::to_string(i) + "]");
      parts.emplace_back();
      for (const Fault& fault : chip.faults) parts.back().push_back(name(fault));
    }
    const FaultSet named = named_faults(s.network, &placement, ids, parts, "named");
    CHECK(content_hash(named) == content_hash(typed));
    CHECK(named.strata() == typed.strata());
    for (int64_t i = 0; i < typed.size(); ++i) {
      const auto at = static_cast<size_t>(i);
      CHECK(typed.info(i) == named.info(i));
      CHECK(typed.parts(i) == parts[at]);
      CHECK(typed.effects(i) == named.effects(i));
      CHECK(typed.effects(i) == lower(chips[at], placement, s.network));
    }
  }
}

TEST_CASE("what a person wrote stays as it was written, and means the same") {
  CampaignSetup s(3);
  const Fault fault = fault_at(SiteKind::pe_dead, 1, s.dataflow, s.network);
  std::string written = name(fault);
  const size_t bracket = written.find("[0]");
  REQUIRE(bracket != std::string::npos);
  written.insert(bracket + 1, "0");  // pe[00]
  const FaultSet plain = named_faults(s.network, &s.dataflow, {"x"}, {{name(fault)}}, "test");
  const FaultSet as_written = named_faults(s.network, &s.dataflow, {"x"}, {{written}}, "test");
  CHECK(as_written.parts(0) == std::vector<std::string>{written});
  CHECK(as_written.effects(0) == plain.effects(0));
  CHECK(as_written.faults(0) == plain.faults(0));
  CHECK(content_hash(as_written) != content_hash(plain));
}

TEST_CASE("content hashes are what files of earlier versions hold: campaigns go on") {
  // Worked out from their definition (SHA-256 over the fields in order) apart from this program.
  const Network network = zoo_network("tfc-w1a1");
  Placement placement;
  placement.accelerator = "dataflow:by-hand";
  placement.arrays = {{"layer0/mvtu", 2, 7, Schedule::channel_parallel, {{0, 64, 784, 10, 11}}}};
  placement.streams = {
      {.name = "layer0/out", .tensor = 1, .channels_per_word = 2, .words_per_pixel = 32}};
  CHECK(content_hash(placement) ==
        "a0cfb26d77f1e4425d6fb3030ba7236a28de4d71020ea9e0d2b612a92ce906f6");
  std::vector<FaultMap> chips(2);
  chips[0].faults = {{SiteKind::pe_dead, "layer0/mvtu", {0}, 1},
                     {SiteKind::pe_weight, "layer0/mvtu", {1, 3, 0, 0}, 0}};
  CHECK(content_hash(chip_faults(network, placement, chips, "lot")) ==
        "b2f9f5d95eb3efc1a82596e0ac035246f7ae95dafdafac2d0e0a681a7e69dc7d");
}

TEST_CASE("each chip of fault map files is an item, with the effects of the whole chip") {
  const TemporaryFolder folder;
  CampaignSetup s(4);
  std::vector<FaultMap> chips;
  for (int i = 0; i < 5; ++i) {
    chips.push_back(test::random_faults(s.random, s.dataflow, s.network, 6));
  }
  chips.push_back({s.dataflow.accelerator, {}});
  write_fault_maps(folder / "a.h5", chips);
  write_fault_maps(folder / "b.h5", {chips[2]});
  const std::string spec = "map:" + (folder / "a.h5") + "," + (folder / "b.h5");
  const FaultSet faults = parse_fault_set(spec, s.network, &s.dataflow, "--faults");
  REQUIRE(faults.size() == 7);
  CHECK(faults.spec() == "map:a.h5,b.h5");
  CHECK(faults.info(3).id == "a.h5[3]");
  CHECK(faults.info(6).id == "b.h5[0]");
  for (int64_t i = 0; i < 6; ++i) {
    CHECK(faults.effects(i) == lower(chips[static_cast<size_t>(i)], s.dataflow, s.network));
  }
  CHECK(faults.effects(6) == faults.effects(2));
  CHECK_THROWS_AS(map_faults(s.network, s.dataflow, {folder / "a.h5", folder / "a.h5"}),
                  InputError);
  CHECK_THROWS_AS(map_faults(s.network, s.loopback, {folder / "a.h5"}), InputError);
}

TEST_CASE("a fault list survives its file, chips and samples included") {
  const TemporaryFolder folder;
  CampaignSetup s(5);
  write_fault_maps(folder / "maps.h5", {test::random_faults(s.random, s.dataflow, s.network, 6),
                                        {s.dataflow.accelerator, {}}});
  const std::vector<FaultSet> sets = {
      channel_faults(s.network), sample(pixel_faults(s.network, true), {0.2, 0.9, ~uint64_t{0}}),
      map_faults(s.network, s.dataflow, {folder / "maps.h5"}),
      sample(site_faults(s.network, s.dataflow, SiteKind::pe_accumulator), {0.2, 0.9, 3})};
  for (const FaultSet& faults : sets) {
    INFO(faults.spec());
    write_fault_list(folder / "list.h5", faults);
    const FaultSet again =
        parse_fault_set("list:" + (folder / "list.h5"), s.network, &s.dataflow, "--faults");
    REQUIRE(again.size() == faults.size());
    CHECK(again.strata() == faults.strata());
    CHECK(again.sampling() == faults.sampling());
    for (int64_t i = 0; i < faults.size(); ++i) {
      CHECK(again.info(i) == faults.info(i));
      CHECK(again.effects(i) == faults.effects(i));
    }
    CHECK_THROWS_AS(
        named_faults(s.network, &s.loopback, {"x"}, {{"layer0/mvtu/pe[0]/dead=1"}}, "test"),
        InputError);
  }
  // What hardware a list means depends on the placement; what a channel means does not.
  write_fault_list(folder / "list.h5", sets[0]);
  CHECK(read_fault_list(folder / "list.h5", s.network, nullptr).size() == sets[0].size());
  write_fault_list(folder / "list.h5", sets[3]);
  CHECK_THROWS_AS(read_fault_list(folder / "list.h5", s.network, nullptr), InputError);
}

TEST_CASE("a fault list can be a text file, compressed, too") {
  const TemporaryFolder folder;
  const CampaignSetup s(5);
  const auto read = [&](const std::string& text) {
    test::write_bytes(folder / "list.txt", text);
    return read_fault_list(folder / "list.txt", s.network, &s.dataflow);
  };
  const FaultSet sites = site_faults(s.network, s.dataflow, SiteKind::pe_accumulator);
  for (const FaultSet& faults : {pixel_faults(s.network), sites}) {
    const FaultSet again = read(fault_list_text(faults));
    REQUIRE(again.size() == faults.size());
    CHECK(again.spec() == "list:list.txt");
    for (int64_t i = 0; i < faults.size(); ++i) {
      CHECK(again.info(i) == faults.info(i));
      CHECK(again.effects(i) == faults.effects(i));
    }
  }
  const std::string a = sites.info(0).id;
  const std::string b = sites.info(2).id;
  const FaultSet some = read("# by hand\n\n  " + a + "\t" + b + "  # two at once\r\n" + b);
  REQUIRE(some.size() == 2);
  CHECK(some.info(0).id == a + " " + b);
  CHECK(some.parts(0) == std::vector<std::string>{a, b});
  CHECK(some.info(1) == sites.info(2));
  CHECK(read("").size() == 0);
  CHECK_THROWS_WITH(read(a + "\n" + a), Catch::Contains(a));
  CHECK_THROWS_WITH(read("layer0/chanel[0]=1"), Catch::Contains("list.txt"));
  CHECK_THROWS_WITH(read("\n\x01\x02"), Catch::Contains("list.txt:2"));
}

TEST_CASE("a damaged fault list gives its contents or an InputError") {
  const TemporaryFolder folder;
  CampaignSetup s(6);
  const FaultSet faults = sample(pixel_faults(s.network), {0.2, 0.9, 1});
  write_fault_list(folder / "list.h5", faults);
  const std::string good = test::read_bytes(folder / "list.h5");
  for (int trial = 0; trial < 150; ++trial) {
    INFO("trial " << trial);
    test::write_bytes(folder / "bad.h5", test::damaged(good, s.random));
    try {
      const FaultSet read = read_fault_list(folder / "bad.h5", s.network, nullptr);
      CHECK(read.size() == faults.size());
    } catch (const InputError&) {
    }
  }
}

TEST_CASE("sets and names that do not exist are refused with what is expected") {
  CampaignSetup s(7);
  const auto message = [&](const std::string& spec, bool hardware) {
    return test::refusal(
        [&] { parse_fault_set(spec, s.network, hardware ? &s.dataflow : nullptr, "--faults"); });
  };
  CHECK_THAT(message("chanel", false), Catch::Contains("did you mean 'channel'"));
  CHECK_THAT(message("pe", false), Catch::Contains("an accelerator"));
  CHECK_THAT(message("sites:pe/accumulater", true), Catch::Contains("pe/accumulator"));
  CHECK_THAT(message("map:", true), Catch::Contains("unknown fault set"));
  CHECK_THAT(message("map:a,", true), Catch::Contains("no file name"));
  CHECK_THAT(message("id:layer0/channel[0]=77", false), Catch::Contains("a level of"));
  CHECK_THAT(message("id:layer0/channel[9999]=1", false), Catch::Contains("channel 9999"));
  CHECK_THAT(message("id:layer0/pixel[0]=1", false), Catch::Contains("LAYER/pixel[Y,X]"));
  CHECK_THAT(message("id:layer0/pixel[0,99]=1", false), Catch::Contains("x 99"));
  CHECK(message("id:layer0/channel[0]=1x", false) != "accepted");
  CHECK(message("id:" + s.network.layers.back().name + "/channel[0]=1", false) != "accepted");
  CHECK(message("id:layer0/channel[0]=1", false) == "accepted");
  CHECK_THROWS_AS(named_faults(s.network, nullptr, {"a", "a"}, {{}, {}}, "test"), InputError);
}

TEST_CASE("sample sizes are those of the published formula") {
  CHECK(two_sided_quantile(0.95) == Approx(1.959964).epsilon(1e-6));
  CHECK(two_sided_quantile(0.99) == Approx(2.575829).epsilon(1e-6));
  CHECK(two_sided_quantile(0.998) == Approx(3.090232).epsilon(1e-6));
  // n = N / (1 + e^2 (N-1) / (t^2 / 4)), by hand.
  CHECK(sample_size(1'000'000, 0.01, 0.95) == 9513);
  CHECK(sample_size(1'000'000'000'000, 0.05, 0.95) == 385);
  CHECK(sample_size(1000, 0.05, 0.95) == 278);
  CHECK(sample_size(1, 0.05, 0.95) == 1);
  CHECK(sample_size(0, 0.05, 0.95) == 0);
  CHECK_THROWS_AS(sample_size(10, 0, 0.95), InputError);
  CHECK_THROWS_AS(sample_size(10, 0.1, 1), InputError);
}

TEST_CASE("a sample is drawn from every stratum, without repetition, by its seed alone") {
  CampaignSetup s(8);
  const FaultSet whole = site_faults(s.network, s.dataflow, SiteKind::pe_weight);
  const FaultSet a = sample(whole, {0.1, 0.9, 1});
  REQUIRE(a.strata().size() == whole.strata().size());
  for (size_t h = 0; h < a.strata().size(); ++h) {
    CHECK(a.strata()[h].population == whole.strata()[h].count);
    CHECK(a.strata()[h].count == sample_size(whole.strata()[h].count, 0.1, 0.9));
  }
  std::set<std::string> ids;
  for (int64_t i = 0; i < a.size(); ++i) CHECK(ids.insert(a.info(i).id).second);
  CHECK(content_hash(a) == content_hash(sample(whole, {0.1, 0.9, 1})));
  CHECK(content_hash(a) != content_hash(sample(whole, {0.1, 0.9, 2})));
  CHECK_THROWS_AS(sample(a, {0.1, 0.9, 1}), InputError);
  // The draw is part of the file format: another generator would change every result.
  const FaultSet cnv = sample(channel_faults(zoo_network("cnv-w1a1")), {0.1, 0.9, 7});
  CHECK(cnv.info(0).id == "layer0/channel[1]=-1");
}
