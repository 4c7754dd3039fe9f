// What the command says about fault sites, and what stands in docs/ about them.
#include "faultmaps/sites.h"
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
  for (const char* file : {"faults.md", "sites-dataflow.svg", "sites-loopback.svg"}) {
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
                               test::read_bytes(folder / "sites-loopback.svg");
  const Outcome help = run("info sites");
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
