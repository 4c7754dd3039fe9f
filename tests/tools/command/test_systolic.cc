// A systolic array goes through the commands as every other accelerator.
#include "tests/tools/command/session.h"

using namespace stuckat;
using test::json_of;
using test::run;
using test::Session;

namespace {

std::string on(const Session& s, const std::string& array) {
  return " " + s.model() + " --accelerator systolic:" + array + " " + s.data() + " ";
}

}  // namespace

TEST_CASE("a layer's cycles on a systolic array are what its sum says, faults or not") {
  const Session s;
  for (const char* array : {"4x8", "4x8:im2col:ws-serial", "8x4:os-drain"}) {
    INFO(array);
    const auto simulated =
        json_of(s, "sim" + on(s, array) +
                       "--images 2 --fault 'array/pe[1][2]/a[0]=1' --fault "
                       "'array/pe[2][1]/w1[0]=0' --fault 'array/pe[0][0]/bypass=1'");
    CHECK(simulated["agrees_with_reference"] == true);
    const auto timing =
        json_of(s, "sim " + s.model() + " --accelerator systolic:" + array + " --timing-only");
    CHECK(timing["first_image_cycles"] == simulated["first_image_cycles"]);
  }
  const auto trace = s.file("trace.json");
  json_of(s, "sim" + on(s, "4x8") + "--images 1 --trace " + trace);
  CHECK_THAT(test::read_bytes(trace),
             Catch::Contains("last row, last column") && Catch::Contains("layer0 tile 1"));
  test::check_refused("info accelerator systolic:0x4 --model " + s.model(), "1 to 256");
}

TEST_CASE("chips with bypassed PEs are drawn, lowered, evaluated and trained for") {
  const Session s;
  const std::string chips = s.file("chips.h5");
  const std::string array = " --accelerator systolic:8x8 ";
  json_of(s, "faults new --model " + s.model() + array +
                 "--sites systolic/bypass --rate 0.1 --chips 3 --seed 5 -o " + chips);
  json_of(s, "faults lower " + chips + " --model " + s.model() + array + "--chip 1");
  json_of(s, "eval " + s.model() + array + s.data() + " --images 5 --chip 2 --fault-map " + chips);
  const auto lot = json_of(
      s, "campaign" + on(s, "8x8") + "--images 3 --faults map:" + chips + " -o " + s.file("c.h5"));
  CHECK(lot.is_object());
}

TEST_CASE("every PE of a systolic array is broken in a campaign, and exploration finds the worst") {
  const Session s;
  json_of(s, "campaign" + on(s, "2x4") + "--images 3 --faults pe -o " + s.file("c.h5"));
  json_of(s, "explore " + s.model() + " --accelerator systolic:2x4 --accelerator loopback:4x8 " +
                 "--clock 100 --worst-case --images 3" + s.data() + " -o " + s.file("e.h5") +
                 " --csv " + s.file("e.csv"));
  CHECK_THAT(test::read_bytes(s.file("e.csv")), Catch::Contains("array/pe["));
  json_of(s, "whatif" + on(s, "4x4") +
                 "--images 5 --simulate 1 --fault 'array/pe[0][0]/b[3]=1' "
                 "-o " +
                 s.file("w.html"));
}

TEST_CASE("off-chip memory of a systolic array breaks in every command") {
  const Session s;
  const std::string array = "4x8:memory";
  const auto simulated =
      json_of(s, "sim" + on(s, array) +
                     "--images 2 --fault 'weights/data[0-20][*]=1' --fault "
                     "'array/pe[1][2]/d[0]=0' --fault 'array/pe[0][0]/bypass=1'");
  CHECK(simulated["agrees_with_reference"] == true);
  const std::string sites = "--sites memory/parameter --images 5 --chips 3 --rates 0.002 ";
  const auto mean_cells = [&](const std::string& options) {
    return double(
        json_of(s, "memory" + on(s, array) + sites + options)["rows"][0]["mean_broken_cells"]);
  };
  CHECK(mean_cells("--repair secded") == mean_cells(""));
  CHECK(mean_cells("--cells any --repair faq") > 0);
  CHECK(mean_cells("--cells 1 --unit row --repair clip") > 0);
  const std::string campaign = s.file("c.h5");
  json_of(s, "campaign" + on(s, array) +
                 "--images 3 --faults sites:memory/parameter --sample --margin 0.2 -o " + campaign);
  const auto effects = json_of(s, "fmea " + s.model() + " --accelerator systolic:" + array +
                                      " --evidence " + campaign + " --csv " + s.file("fmea.csv"));
  CHECK(effects.is_object());
  CHECK_THAT(test::read_bytes(s.file("fmea.csv")), Catch::Contains("memory/parameter"));
  test::check_refused("memory" + on(s, "4x8") + sites, "has no memory/parameter");
}
