// What the command says about fault sites, and what stands in docs/ about them.
#include "faultmaps/systolic_sites.h"
#include "tests/tools/command/session.h"

using namespace stuckat;
using test::check_refused;
using test::Outcome;
using test::run;
using test::Session;

TEST_CASE("docs/faults.md and its pictures are what `stuckat info sites --docs docs` writes") {
  const test::TemporaryFolder folder;
  const Outcome outcome = run("info sites --docs " + (folder / ""));
  INFO(outcome.output);
  REQUIRE(outcome.code == 0);
  for (const char* file :
       {"faults.md", "sites-dataflow.svg", "sites-loopback.svg", "sites-systolic.svg"}) {
    INFO(file);
    // CHECK on the texts would print both.
    const bool same = test::read_bytes(std::string(STUCKAT_SOURCE_DIR) + "/docs/" + file) ==
                      test::read_bytes(folder / file);
    CHECK(same);
  }
}

TEST_CASE("every row of the table of sites is explained, drawn, and counted on an accelerator") {
  const test::TemporaryFolder folder;
  REQUIRE(run("info sites --docs " + (folder / "")).code == 0);
  const std::string page = test::read_bytes(folder / "faults.md");
  const std::string pictures = test::read_bytes(folder / "sites-dataflow.svg") +
                               test::read_bytes(folder / "sites-loopback.svg") +
                               test::read_bytes(folder / "sites-systolic.svg");
  const Outcome help = run("info sites");
  systolic_kinds();
  for (const SiteRow& row : site_table()) {
    INFO(row.name);
    CHECK_THAT(page, Catch::Contains(std::string("\n## ") + row.name + "\n") &&
                         Catch::Contains(row.meaning) && Catch::Contains(row.masked));
    CHECK_THAT(pictures, Catch::Contains(std::string(">") + row.name + "<"));
    CHECK_THAT(help.output, Catch::Contains(row.meaning) && Catch::Contains(row.effect));
  }
  const Session s;
  const Outcome ranges =
      run("info sites --site pe/weight --accelerator loopback:4x8 --model " + s.model());
  CHECK_THAT(ranges.output, Catch::Contains("pe 0 to 3") && Catch::Contains("lane 0 to 7"));
  check_refused("info sites --site pe/wight", "did you mean 'pe/weight'?");
  check_refused("info sites --docs /nonexistent", "/nonexistent");
}

TEST_CASE("a transient goes through lower, sim, what-if, eval, a list and a sampled campaign") {
  const Session s;
  const std::string on = " --accelerator dataflow:auto ";
  const std::string with = on + s.data() + " --images 3 ";
  const nlohmann::json sites = [&] {
    const Outcome outcome = run("info sites --site pe/accumulator --model " + s.model() + on +
                                " --json " + s.file("sites.json"));
    REQUIRE(outcome.code == 0);
    return nlohmann::json::parse(test::read_bytes(s.file("sites.json")));
  }();
  REQUIRE(sites["sites"][0]["parts"].size() == 3);
  // The first cycles are those of the image: by then something is in the accumulators.
  std::string fault;
  for (int cycle = 2500; fault.empty() && cycle < 2600; ++cycle) {
    const std::string name = "layer0/mvtu/pe[0]/accumulator[3]=flip@" + std::to_string(cycle);
    const Outcome lowered =
        run("faults lower --images 3 --model " + s.model() + on + "--fault '" + name + "'");
    INFO(lowered.output);
    REQUIRE(lowered.code == 0);
    if (lowered.output.find("no effect") != std::string::npos) continue;
    CHECK_THAT(lowered.output, Catch::Contains("in image") && Catch::Contains("inverted"));
    fault = name;
  }
  REQUIRE(!fault.empty());
  const Outcome sim = run("sim " + s.model() + with + "--fault '" + fault + "'");
  INFO(sim.output);
  CHECK(sim.code == 0);
  CHECK_THAT(sim.output, Catch::Contains("equals"));
  const Outcome whatif =
      run("whatif " + s.model() + with + "--fault '" + fault + "' --json " + s.file("w.json"));
  INFO(whatif.output);
  REQUIRE(whatif.code == 0);
  const auto found = nlohmann::json::parse(test::read_bytes(s.file("w.json")));
  CHECK(found["cases"][0]["cycles"]["tensors_agree"] == true);
  CHECK(run("eval " + s.model() + with + "--fault '" + fault + "'").code == 0);
  CHECK(run("campaign " + s.model() + with + "--faults 'id:" + fault + "' -o " + s.file("one.h5"))
            .code == 0);
  const std::string campaign = "campaign " + s.model() + with + "--faults flips:";
  const Outcome sampled = run(
      campaign + "pe/accumulator --sample --margin 0.1 --confidence 0.9 -o " + s.file("flips.h5"));
  INFO(sampled.output);
  CHECK(sampled.code == 0);
  check_refused(campaign + "pe/dead -o " + s.file("all.h5"), "sites that hold one bit");
  check_refused("faults lower --model " + s.model() + on + "--fault layer0/mvtu/pe[0]/dead=flip@3",
                "dead=flip@3: no flip is modelled there");
  // A cycle that the run does not have would count as masked.
  const auto cycles =
      nlohmann::json::parse(run("sim " + s.model() + with + "--json -", "", "2>/dev/null").output);
  const int64_t end = cycles["total_cycles"];
  for (const char* command : {"sim ", "eval ", "whatif "}) {
    check_refused(command + s.model() + with + "--fault layer0/mvtu/pe[0]/accumulator[3]=flip@" +
                      std::to_string(2 * end),
                  "the run ends before that cycle");
  }
}

TEST_CASE("a list of sampled flips runs like the flips it was written from") {
  const Session s;
  const std::string on = s.model() + " --accelerator dataflow:auto --images ";
  const std::string flips =
      " --faults flips:pe/accumulator --sample --margin 0.2 --confidence 0.9 --seed 5";
  const auto campaign = [&](const std::string& images, const std::string& faults,
                            const std::string& name) {
    return "campaign " + on + images + s.data() + faults + " --csv " + s.file(name + ".csv") +
           " --json " + s.file(name + ".json") + " -o " + s.file(name);
  };
  REQUIRE(run(campaign("3", flips, "direct.h5")).code == 0);
  const std::string csv = test::read_bytes(s.file("direct.h5.csv"));
  const auto json = nlohmann::json::parse(test::read_bytes(s.file("direct.h5.json")));
  REQUIRE(csv.find("=flip@") != std::string::npos);
  for (const std::string list : {"list.h5", "list.txt"}) {
    INFO(list);
    const Outcome listed = run("campaign list " + on + "3" + flips + " -o " + s.file(list));
    INFO(listed.output);
    REQUIRE(listed.code == 0);
    const std::string name = "of-" + list + ".h5";
    const Outcome again = run(campaign("3", " --faults list:" + s.file(list), name));
    INFO(again.output);
    REQUIRE(again.code == 0);
    CHECK(test::read_bytes(s.file(name + ".csv")) == csv);
    const auto repeated = nlohmann::json::parse(test::read_bytes(s.file(name + ".json")));
    // Text knows no sampling, and so has neither weights nor intervals.
    if (list == "list.txt") continue;
    CHECK(repeated["mean"] == json["mean"]);
    CHECK(repeated["estimates"] == json["estimates"]);
  }
  CHECK_THAT(test::read_bytes(s.file("list.txt")), Catch::Contains("in a run of 3 images"));
  check_refused(campaign("4", " --faults list:" + s.file("list.h5"), "other.h5"),
                "its transients are in a run of 3 images");
  check_refused("campaign list " + s.model() + " --accelerator dataflow:auto" + flips,
                "the number of --images of its run");
}

TEST_CASE("a report draws fault maps over the accelerator they were made for") {
  const Session s;
  const std::string maps = s.file("chips.h5");
  REQUIRE(run("faults new --model " + s.model() +
              " --accelerator loopback:4x8 --sites pe/weight,pe/dead --rate 0.05 --chips 8 -o " +
              maps)
              .code == 0);
  const std::string report = "report --model small=" + s.model() + " -o " + s.file("r.html");
  const Outcome outcome = run(report + " --fault-map small=" + maps);
  INFO(outcome.output);
  REQUIRE(outcome.code == 0);
  const std::string page = test::read_bytes(s.file("r.html"));
  CHECK_THAT(page, Catch::Contains("<section id=\"maps\">") && Catch::Contains("loopback:4x8") &&
                       Catch::Contains("and 2 more") && Catch::Contains("class=\"cell h"));
  check_refused(report + " --fault-map other=" + maps, "no --model is called 'other'");
  check_refused(report + " --accelerator loopback:4x4 --fault-map small=" + maps, "loopback:4x8");
}

TEST_CASE("faults drawn at random are of kinds that the accelerator has") {
  const Session s;
  const std::string drawn = "faults new --model " + s.model() + " --sites array/weight -o " +
                            s.file("f.h5") + " --accelerator ";
  check_refused(drawn + "loopback:4x8", "loopback:4x8 has no array/weight");
  check_refused("campaign " + s.model() + " --images 2 --data fashion-mnist" +
                    " --faults sites:array/weight --accelerator loopback:4x8 -o " + s.file("c.h5"),
                "array/weight");
}
