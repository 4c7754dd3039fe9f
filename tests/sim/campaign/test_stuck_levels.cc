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
  CHECK(element_faults("pixel", network, {}, "--levels").strata().size() == 9);
  CHECK_THROWS_WITH(element_faults("pe", network, {}, "--levels"), Catch::Contains("no level"));
}

}  // namespace
}  // namespace stuckat::campaign
