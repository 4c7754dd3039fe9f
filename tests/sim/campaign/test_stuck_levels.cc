#include "models/family.h"
#include "sim/campaign/stuck_levels.h"
#include "tests/support/catch.h"
#include "workloads/zoo.h"

namespace stuckat::campaign {
namespace {

using Levels = std::vector<int>;

TEST_CASE("formats of few levels stick at all of them, others at the lowest, zero and highest") {
  const StuckLevels levels;
  CHECK(levels.of(binary_format) == Levels{-1, 1});
  CHECK(levels.of(signed_format(2)) == Levels{-1, 0, 1});
  CHECK(levels.of(unsigned_format(4)).size() == 16);
  CHECK(levels.of(full_format(5)) == Levels{-16, 0, 15});
  CHECK(levels.of(signed_format(8)) == Levels{-127, 0, 127});
  CHECK(levels.of(unsigned_format(8)) == Levels{0, 255});
}

TEST_CASE("levels are all, the extremes or some, evenly, and nothing else") {
  const auto of = [](const char* text, NumberFormat format) {
    return StuckLevels::parse(text, "--levels").of(format);
  };
  CHECK(of("all", full_format(8)).size() == 256);
  CHECK(of("extremes", unsigned_format(2)) == Levels{0, 3});
  CHECK(of("extremes", binary_format) == Levels{-1, 1});
  CHECK(of("2", full_format(8)) == Levels{-128, 127});
  CHECK(of("4", unsigned_format(8)) == Levels{0, 85, 170, 255});
  CHECK(of("256", unsigned_format(2)) == Levels{0, 1, 2, 3});
  for (const char* text : {"", "1", "257", "2x", "-3", "some"}) {
    INFO(text);
    CHECK_THROWS_WITH(StuckLevels::parse(text, "--levels"), Catch::Contains("extremes"));
  }
}

TEST_CASE("a set says at which levels it sticks where some are left out") {
  const Network network = zoo_network("resnet-8-w8a8", {.width = 0.25});
  const FaultSet few = channel_faults(network);
  CHECK(few.spec() == "channel:levels=uint8: 0, 255; int8_full: -128, 0, 127");
  // Channels before a ReLU's add have a sign.
  CHECK(few.size() == 2 * (4 + 4 + 8 + 16) + 3 * (4 + 8 + 8 + 16 + 16));
  CHECK(few.info(0).id == "layer0/channel[0]=0");
  CHECK(few.info(1).id == "layer0/channel[0]=255");
  const FaultSet all = channel_faults(network, StuckLevels::parse("all", "--levels"));
  CHECK(all.spec() == "channel");
  CHECK(all.size() == 256 * 84);
  CHECK(all.effects(257) == stuck_channel(network, 0, 1, 1));
  CHECK(channel_faults(zoo_network("cnv-w1a4", {.width = 0.1})).spec() == "channel");
  CHECK(faults_at_levels("pixel", network, nullptr, {}, "--levels").strata().size() == 9);
  CHECK_THROWS_WITH(faults_at_levels("weight", network, nullptr, {}, "--levels"),
                    Catch::Contains("no level"));
}

TEST_CASE("dead PEs stick at all of few levels, else at those chosen, and the set says so") {
  const Network wide = zoo_network("resnet-8-w8a8", {.width = 0.25});
  const Families families = built_in_families();
  const auto on = [&](const char* name, const Network& network) {
    return families.parse(name, network, "test")->place(network);
  };
  const Placement array = on("systolic:4x4", wide);
  const FaultSet few = parse_fault_set("pe", wide, &array, "--faults");
  CHECK(few.spec() == "pe:levels=0, 255");
  CHECK(few.size() == 2 * 16);
  CHECK(few.info(3).id == "array/pe[0][1]/dead=255");
  const auto with = [&](const char* levels) {
    return faults_at_levels("pe", wide, &array, StuckLevels::parse(levels, "--levels"), "--levels");
  };
  const FaultSet all = with("all");
  CHECK(all.spec() == "pe");
  CHECK(all.size() == 256 * 16);
  CHECK(with("4").spec() == "pe:levels=0, 85, 170, 255");
  CHECK(with("4").effects(2) == all.effects(170));
  CHECK_THROWS_WITH(faults_at_levels("pe", wide, nullptr, {}, "--levels"),
                    Catch::Contains("accelerator"));
  const Network cnv = zoo_network("cnv-w1a1", {.width = 0.125});
  const Placement loop = on("loopback:8x8", cnv);
  CHECK(parse_fault_set("pe", cnv, &loop, "--faults").spec() == "pe");
}

}  // namespace
}  // namespace stuckat::campaign
