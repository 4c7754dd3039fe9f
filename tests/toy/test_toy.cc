// A family from outside (toy_accelerator.cc) goes through every command that a built-in one does,
// and no file of tools or models knows it.
#include <nlohmann/json.hpp>

#include "tests/tools/command/terminal.h"
#include "workloads/network.h"

using namespace stuckat;
using test::json_of;
using test::run;
using test::Session;

namespace fs = std::filesystem;

namespace {

std::string on_toy(const Session& s) {
  return " " + s.model() + " --accelerator toy:3 " + s.data() + " ";
}

}  // namespace

TEST_CASE("the family is in the help, and its name is suggested") {
  const auto help = run("sim --help");
  for (const char* form : {"  dataflow:auto", "  loopback:PExSIMD", "  toy:N"}) {
    CHECK_THAT(help.output, Catch::Contains(form));
  }
  const Session s;
  test::check_refused("info accelerator tos:3 --model " + s.model(), "toy");
  test::check_refused("info accelerator toy:none --model " + s.model(), "toy:1 to toy:999");
}

TEST_CASE("the cycles are those that the toy says: every weight of every fold in a cycle") {
  const Session s;
  const auto timing =
      json_of(s, "sim " + s.model() + " --accelerator toy:3 --timing-only --images 5");
  // 8x8 pixels, 8 rows on 3 PEs, 27 columns; the pool's 16 pixels; 2x2 pixels, 8 rows, 72 columns;
  // 10 rows, 32 columns.
  const int64_t image = 64 * 3 * 27 + 16 + 4 * 3 * 72 + 4 * 32;
  CHECK(timing["first_image_cycles"] == image);
  CHECK(timing["total_cycles"] == 5 * image);
  CHECK(timing["modules"][0]["name"] == "core");
}

TEST_CASE("at a terminal sim says how far it is, and nothing with --quiet") {
  const Session s;
  const std::string sim = "sim" + on_toy(s) + "--images 4";
  CHECK_THAT(test::run_at_terminal(sim).output, Catch::Contains("sim: 25.0 %"));
  CHECK(test::run_at_terminal(sim + " -q").output.empty());
}

TEST_CASE("faults of every kind that it has are drawn, shown, lowered and simulated, exactly") {
  const Session s;
  const std::string map = s.file("map.csv");
  int64_t with_effects = 0;
  for (const char* kind : {"pe/input", "pe/weight", "pe/product", "pe/accumulator", "pe/threshold",
                           "pe/comparator", "pe/output", "pe/dead"}) {
    INFO(kind);
    json_of(s, "faults new --model " + s.model() + " --accelerator toy:3 --sites " + kind +
                   " --count 2 --seed 5 -o " + map);
    json_of(s, "faults show " + map + " --model " + s.model() + " --accelerator toy:3");
    const auto lowered =
        json_of(s, "faults lower " + map + " --model " + s.model() + " --accelerator toy:3");
    REQUIRE(lowered["faults"].size() == 2);
    const auto simulated = json_of(s, "sim" + on_toy(s) + "--images 2 --fault-map " + map);
    CHECK(simulated["agrees_with_reference"] == true);
    with_effects += simulated["effects"].empty() ? 0 : 1;
    fs::remove(map);
  }
  CHECK(with_effects >= 6);
}

TEST_CASE("transients in its run are exact, too") {
  const Session s;
  int64_t hits = 0;
  for (const int cycle : {100, 3000, 5300, 6300, 7000, 12'000}) {
    const std::string name = "'core/pe[1]/accumulator[2]=flip@" + std::to_string(cycle) + "'";
    const auto simulated = json_of(s, "sim" + on_toy(s) + "--images 2 --fault " + name);
    CHECK(simulated["agrees_with_reference"] == true);
    hits += simulated["effects"].empty() ? 0 : 1;
  }
  CHECK(hits >= 4);
}

TEST_CASE("a campaign of every PE runs on it, and one of its faults is replayed") {
  const Session s;
  const std::string result = s.file("c.h5");
  json_of(s, "campaign" + on_toy(s) + "--images 10 --faults pe -o " + result);
  const auto replayed =
      json_of(s, "campaign replay " + result + " --fault 'core/pe[2]/dead=1' --image 3");
  CHECK(replayed["accelerator"] == "toy:3");
  CHECK(replayed["agrees_with_reference"] == true);
  CHECK(replayed["tensors"].size() == 5);
}

TEST_CASE("whatif compares the broken toy with the healthy one, in both engines") {
  const Session s;
  const auto study = json_of(s, "whatif" + on_toy(s) +
                                    "--images 20 --simulate 3 --fault 'core/pe[0]/dead=-1' -o " +
                                    s.file("w.html"));
  const auto& c = study["cases"][0];
  CHECK(c["accelerator"] == "toy:3");
  CHECK(c["cycles"]["tensors_agree"] == true);
  CHECK(c["cycles"]["total"] == c["cycles_fault_free"]["total"]);
  CHECK(c["untouched"] < 20);
}

TEST_CASE("explore puts it beside the built-in families, and the report shows all three") {
  const Session s;
  const std::string found = s.file("e.h5");
  const auto explored =
      json_of(s, "explore " + s.model() + " --foldings 2 --arrays 4x8 --accelerator toy:1 " +
                     "--accelerator toy:8 --clock 100 --worst-case --images 10" + s.data() +
                     " -o " + found + " --csv " + s.file("e.csv"));
  CHECK(explored["designs"] == 5);
  const std::string csv = test::read_bytes(s.file("e.csv"));
  CHECK_THAT(csv, Catch::Contains("\ntoy:1,,100.0000,,1,1,"));
  CHECK_THAT(csv, Catch::Contains("core/pe["));  // the worst fault of a toy
  test::check_refused("explore " + s.model() + " --accelerator toy:1 --fifo 2",
                      "without a dataflow accelerator");

  json_of(s, "campaign" + on_toy(s) + "--images 10 --faults pe -o " + s.file("c.h5"));
  json_of(s, "sim" + on_toy(s) + "--images 1 --fault 'core/pe[0]/output[0]=1'");
  fs::rename(s.file("out.json"), s.file("sim.json"));
  json_of(s, "faults new --model " + s.model() +
                 " --accelerator toy:3 --sites pe/weight --count 9 " + "-o " + s.file("map.h5"));
  json_of(s, "report --model A=" + s.model() + " --campaign A=" + s.file("c.h5") +
                 " --sim A=" + s.file("sim.json") + " --exploration A=" + found +
                 " --fault-map A=" + s.file("map.h5") + " -o " + s.file("r.html"));
  const std::string page = test::read_bytes(s.file("r.html"));
  for (const char* text : {"dataflow, beaten by none", "loopback array, beaten by none",
                           "toy, beaten by none", "toy:8", "toy:3"}) {
    CHECK_THAT(page, Catch::Contains(text));
  }
}
