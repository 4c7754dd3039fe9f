// Systolic arrays in an exploration: each shape with each schedule at each clock, with the cycles
// of a run, under a name that gives the same array again.

#include "models/systolic/explorer.h"
#include "models/systolic/family.h"
#include "tests/support/catch.h"
#include "workloads/zoo.h"

namespace stuckat::systolic {
namespace {

TEST_CASE("shapes, schedules and clocks are combined, each design as it runs by its name") {
  const Network network = zoo_network("cnv-w1a1", {.width = 0.0625});
  explore::SweepValues values;
  values.set("systolic", "8x8,16x4:os-drain");
  values.set("schedules", "ws-serial,ws-double-buffered,os-drain");
  values.set("clock", "100,250");
  const auto explorer = systolic::explorer(values, network);
  explore::Findings findings;
  REQUIRE(explorer->seeds() == 2);
  std::vector<std::string> names;
  for (int64_t seed = 0; seed < 2; ++seed) {
    for (const explore::DesignPoint& point : explorer->from_seed(seed, findings)) {
      const explore::Design& design = point.design;
      names.push_back(design.name);
      INFO(design.name);
      const Systolic array(parse_systolic(design.name));
      CHECK(array.name() == design.name);
      CHECK(array.json(network) == design.accelerator);
      const int64_t cycles = array.time(network, 1).first_image_cycles;
      CHECK(design.first_image_cycles == cycles);
      CHECK(design.frames_per_second ==
            Approx(design.clock_mhz * 1e6 / static_cast<double>(cycles)));
      CHECK(design.pes == 64);
    }
  }
  CHECK(names == std::vector<std::string>{
                     "systolic:8x8:ws-serial", "systolic:8x8:ws-serial", "systolic:8x8",
                     "systolic:8x8", "systolic:8x8:os-drain", "systolic:8x8:os-drain",
                     "systolic:16x4:ws-serial", "systolic:16x4:ws-serial",
                     "systolic:16x4:ws-double-buffered", "systolic:16x4:ws-double-buffered",
                     "systolic:16x4:os-drain", "systolic:16x4:os-drain"});
  CHECK(explorer->timings().simulated == 6);
}

TEST_CASE("schedules that there are not, and arrays that cannot be, are refused") {
  const Network network = zoo_network("tfc-w1a1");
  for (const auto& [option, value] : std::vector<std::pair<std::string, std::string>>{
           {"schedules", "ws-twice"}, {"systolic", "8"}, {"systolic", "0x4"}}) {
    explore::SweepValues values;
    values.set(option, value);
    INFO(option << " " << value);
    CHECK_THROWS_AS(systolic::explorer(values, network), InputError);
  }
}

}  // namespace
}  // namespace stuckat::systolic
