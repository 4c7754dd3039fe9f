// What `stuckat explore` refuses, and when: before it times anything.
#include <filesystem>
#include <sstream>

#include "tests/tools/command/session.h"

using namespace stuckat;
using test::check_refused;
using test::Outcome;
using test::run;
using test::Session;

namespace fs = std::filesystem;

TEST_CASE("explore: every option is looked at before the first timing") {
  const Session s;
  fs::create_directory(s.file("full"));
  test::write_bytes(s.file("full/7.json"), "mine");
  const std::string cases[][2] = {
      {"--max-pes 0", "--max-pes"},
      {"--max-memory-bits 0", "--max-memory-bits"},
      {"--min-fps -1", "--min-fps"},
      {"--campaign " + s.file("no.h5"), "no.h5"},
      {"--campaign " + s.model(), "m.h5"},
      {"--worst-case --data nope", "nope"},
      {"--worst-case --threads -1" + s.data(), "--threads"},
      {"--worst-case --images 99" + s.data(), "99"},
      {"--csv " + s.file("no/e.csv"), "no/e.csv"},
      {"--designs " + s.model(), "m.h5"},
      {"--designs ''", "is no folder"},
      {"--designs " + s.file("images.bin"), "is no folder"},
      {"--designs " + s.file("images.bin/x"), "cannot be made"},
      {"--designs " + s.file("full"), "holds files already"},
      // Without effect.
      {"--threads -1", "--threads: without --worst-case: has no effect"},
      {"--data nope", "--data: without --worst-case: has no effect"},
      {"--images 5", "--images: without --worst-case: has no effect"},
      {"--bandwidth 4", "--bandwidth: without a loopback array: has no effect"},
      // Lists of numbers.
      {"--arrays 4x8 --bandwidth 4.5", "'4.5', expected a whole number"},
      {"--arrays 4x8 --bandwidth 0x4", "'0x4'"},
      {"--arrays 4x8 --bandwidth 0", "'0'"},
      {"--arrays 4x8 --bandwidth 2,8,2", "2 stands there twice"},
      {"--arrays 4x8,2x8,4x8", "4x8 stands there twice"},
      {"--arrays 4x8,", "empty place"},
      {"--arrays ''", "empty place"},
      {"--fps 0x64", "'0x64'"},
      {"--fps nan", "'nan'"},
      {"--fps 100,1e2", "100 stands there twice"},
      {"--clock 0x64", "'0x64'"},
      {"--clock 100,100.0", "100 stands there twice"},
      {"--clock 100,", "empty place"},
      {"--clock ,100", "empty place"},
      {"--clock ''", "empty place"},
      {"--fifo ''", "empty place"},
      {"--fifo 2,,3", "empty place"},
      {"--fifo 2,", "empty place"},
      {"--fifo 2,02", "2 stands there twice"},
      {"--fifo given,given", "given stands there twice"},
      {"--accelerator dataflow:auto --accelerator dataflow:auto", "stands there twice"},
      {"--fold 3", "did you mean '--foldings'?"},
  };
  for (const auto& [options, expected] : cases) {
    check_refused("explore " + s.model() + " --foldings 2 -o " + s.file("e.h5") + " " + options,
                  expected);
    // It comes with the first timing.
    CHECK_FALSE(fs::exists(s.file("e.h5.journal")));
  }
  check_refused("explore " + s.model() + " --arrays 4x8 --fifo 2",
                "--fifo: without a dataflow accelerator: has no effect");
  CHECK(test::read_bytes(s.file("full/7.json")) == "mine");
}

TEST_CASE("explore: campaigns of one table are of the same images, and fit, or it says so") {
  const Session s;
  const auto campaign = [&](const std::string& name, const std::string& options) {
    REQUIRE(run("campaign " + s.model() + s.data() + " -o " + s.file(name) + " " + options).code ==
            0);
    return " --campaign " + s.file(name);
  };
  const std::string pe = "--faults pe --accelerator loopback:";
  const std::string wide = campaign("4x8.h5", pe + "4x8 --images 20");
  const std::string narrow = campaign("2x8.h5", pe + "2x8 --images 20");
  const std::string more = campaign("more.h5", pe + "2x8 --images 30");
  const std::string others = campaign("others.h5", pe + "2x8 --images 20 --offset 20");
  const std::string explore = "explore " + s.model() + " --arrays 4x8,2x8 ";
  CHECK(run(explore + wide + narrow).code == 0);
  check_refused(explore + wide + more, "more.h5: its 30 images of");
  check_refused(explore + wide + others, "are not those of " + s.file("4x8.h5"));
  const std::string worst = s.data() + " --worst-case ";
  const Outcome examined = run(explore + wide + worst + "--images 20");
  CHECK(examined.code == 0);
  CHECK_THAT(examined.output, Catch::Contains(", test images 0 to 19"));
  check_refused(explore + wide + worst + "--images 30", "are not those of --data");
  check_refused(explore + campaign("c.h5", "--faults channel"), "c.h5: is of 'channel'");
  check_refused(explore + campaign("sample.h5", pe + "4x8 --sample --margin 0.3"), "a sample of");
  check_refused(explore + campaign("part.h5", pe + "4x8 --shard 0/2"), "shard 0 of 2");
  const Outcome unfit = run("explore " + s.model() + " --arrays 4x8" + wide + narrow);
  INFO(unfit.output);
  CHECK(unfit.code == 0);
  CHECK_THAT(unfit.output, Catch::Contains("note: " + s.file("2x8.h5") + " is of the placement") &&
                               !Catch::Contains("note: " + s.file("4x8.h5")));
}

TEST_CASE("explore: designs come under the numbers of their rows, into a folder of their own") {
  const Session s;
  const std::string explore =
      "explore tfc-w1a1 --foldings 6 --clock 100,300 --fifo given,2 --designs " +
      s.file("designs") + " --csv ";
  // The first of the sweep is too slow: the first row that is left has number 0.
  REQUIRE(run(explore + s.file("e.csv") + " --min-fps 5000").code == 0);
  CHECK(fs::exists(s.file("designs/0.json")));
  const std::string csv = test::read_bytes(s.file("e.csv"));
  std::istringstream rows(csv.substr(csv.find('\n') + 1));
  size_t files = 0;
  int64_t number = 0;
  for (std::string row; std::getline(rows, row); ++number) {
    const std::string file = s.file("designs/" + std::to_string(number) + ".json");
    const bool best = row.ends_with(",1");
    INFO(row);
    CHECK(fs::exists(file) == best);
    if (!best) continue;
    ++files;
    const std::string name = row.substr(0, row.find(','));
    CHECK("dataflow:" + nlohmann::json::parse(test::read_bytes(file))["name"].get<std::string>() ==
          name);
  }
  CHECK(files > 0);
  CHECK(number > static_cast<int64_t>(files));
  check_refused(explore + s.file("again.csv") + " --min-fps 1e6", "holds files already");
  fs::remove_all(s.file("designs"));
  fs::create_directory(s.file("designs"));
  CHECK(run(explore + s.file("again.csv") + " --min-fps 1e6").code == 0);
}

TEST_CASE("explore: designs that FINN builds are written for it, and run in the cycles found") {
  const Session s;
  const std::string explore = "explore " + s.model() + " --foldings 4 --fifo smallest,9 --finn ";
  for (const std::string base : {"finn", "finn-rtl"}) {
    const Outcome found = run(explore + s.file(base) + " --base " + base + " --csv " +
                              s.file("e.csv") + " --force --json " + s.file("e.json"));
    INFO(found.output);
    REQUIRE(found.code == 0);
    const auto told = nlohmann::json::parse(test::read_bytes(s.file("e.json")));
    CHECK(told["finn_written"] == told["pareto"]);
    CHECK_FALSE(told.contains("finn_refused"));
    std::istringstream rows(test::read_bytes(s.file("e.csv")));
    std::string row;
    std::getline(rows, row);
    int written = 0;
    for (int number = 0; std::getline(rows, row); ++number) {
      const std::string file = s.file(base + "/" + std::to_string(number) + ".json");
      CHECK(fs::exists(file) == row.ends_with(",1"));
      if (!fs::exists(file)) continue;
      std::vector<std::string> cells;
      std::istringstream line(row);
      for (std::string cell; std::getline(line, cell, ',');) cells.push_back(cell);
      REQUIRE(run("sim " + s.model() + " --timing-only --images 50 --accelerator dataflow:" + file +
                  " --force --json " + s.file("t.json"))
                  .code == 0);
      const auto timed = nlohmann::json::parse(test::read_bytes(s.file("t.json")));
      CHECK(std::to_string(timed["first_image_cycles"].get<int64_t>()) == cells[10]);
      CHECK(timed["interval_cycles"].get<double>() == Approx(std::stod(cells[11])).margin(0.5));
      ++written;
    }
    CHECK(written > 0);
  }
  // Some of the designs are nothing that FINN has: it is said which, and why.
  const Outcome others = run(explore + s.file("others"));
  INFO(others.output);
  CHECK(others.code == 0);
  CHECK_THAT(others.output, Catch::Contains("note: no " + s.file("others") + "/") &&
                                Catch::Contains("layer 'pool0': words of"));
  CHECK_THAT(run("explore " + s.model() + " --arrays 4x8 --finn " + s.file("arrays")).output,
             Catch::Contains("loopback:4x8: is nothing that FINN builds"));
  // A folding that was found is a base itself.
  const Outcome again =
      run(explore + s.file("again") + " --base dataflow:" + s.file("finn/0.json"));
  INFO(again.output);
  CHECK(again.code == 0);
  CHECK(fs::exists(s.file("again")));
  check_refused("explore " + s.model() + " --arrays 4x8 --base finn", "--base");
  check_refused("explore " + s.model() + " --accelerator dataflow:auto --base finn",
                "without --foldings and --fps");
  check_refused("explore " + s.model() + " --foldings 2 --base fin", "fin");
  check_refused(explore + s.file("finn"), "holds files already");
  check_refused(explore + s.file("both") + " --designs " + s.file("both"), "--finn");
}
