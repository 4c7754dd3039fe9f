// Who may include whom (docs/design.md, "The house").
#include <algorithm>
#include <string>
#include <vector>

#include "tests/house/source_tree.h"
#include "tests/support/catch.h"

using stuckat::test::Include;
using stuckat::test::includes_below;

namespace {

struct Rule {
  std::string folder;
  std::vector<std::string> may_include;  // besides itself
};

// The first row whose folder matches counts.
const std::vector<Rule> rules = {
    {"workloads/", {}},
    {"faultmaps/", {"workloads/"}},
    {"sim/kernel/", {}},
    {"sim/fast/", {"faultmaps/", "workloads/"}},
    {"sim/campaign/", {"sim/fast/", "faultmaps/", "workloads/"}},
    {"sim/protect/", {"sim/campaign/", "sim/fast/", "faultmaps/", "workloads/"}},
    {"models/", {"sim/kernel/", "faultmaps/", "workloads/"}},
    {"trainer/", {"faultmaps/", "workloads/"}},
    {"tools/", {"trainer/", "models/", "sim/", "faultmaps/", "workloads/"}},
    {"tests/", {"tools/", "trainer/", "models/", "sim/", "faultmaps/", "workloads/"}},
};

const Rule* rule_of(const std::string& path) {
  for (const Rule& rule : rules) {
    if (path.starts_with(rule.folder)) return &rule;
  }
  return nullptr;
}

bool allowed(const Rule& rule, const std::string& target) {
  const auto matches = [&](const std::string& folder) { return target.starts_with(folder); };
  return matches(rule.folder) ||
         std::any_of(rule.may_include.begin(), rule.may_include.end(), matches);
}

bool may_use_systemc(const std::string& file) {
  const bool module = file.find("_module.") != std::string::npos || file.ends_with("simulation.cc");
  return file.starts_with("sim/kernel/") || (file.starts_with("models/") && module) ||
         file == "tools/stuckat/main.cc" || file.starts_with("tests/");
}

}  // namespace

TEST_CASE("folders include only what the architecture allows") {
  size_t seen = 0;
  for (const Rule& folder : rules) {
    for (const Include& include : includes_below(folder.folder)) {
      if (include.angled) continue;
      ++seen;
      const Rule* rule = rule_of(include.file);
      INFO(include.file << ":" << include.line << " includes " << include.target);
      REQUIRE(rule != nullptr);
      // Highway compiles a file once for each target by including it again by its name.
      REQUIRE(rule_of(include.target) != nullptr);
      CHECK(allowed(*rule, include.target));
    }
  }
  CHECK(seen > 50);
}

TEST_CASE("SystemC appears only in the kernel, in modules and simulations, and in tests") {
  for (const Rule& folder : rules) {
    for (const Include& include : includes_below(folder.folder)) {
      const bool systemc = include.target == "systemc" || include.target == "systemc.h" ||
                           include.target.starts_with("tlm");
      INFO(include.file << ":" << include.line << " includes " << include.target);
      CHECK((!systemc || may_use_systemc(include.file)));
    }
  }
}

TEST_CASE("Catch2 is included through one header, which knows its versions") {
  for (const Include& include : includes_below("tests")) {
    if (include.file == "tests/support/catch.h" || include.file == "tests/support/runner.cc")
      continue;
    INFO(include.file << ":" << include.line << " includes " << include.target);
    CHECK(!include.target.starts_with("catch2/"));
  }
}

TEST_CASE("the command and the studies know families by their rows alone") {
  int64_t seen = 0;
  for (const Include& include : includes_below("tools")) {
    if (!include.target.starts_with("models/")) continue;
    ++seen;
    INFO(include.file << ":" << include.line << " includes " << include.target);
    const std::string inside = include.target.substr(std::string("models/").size());
    CHECK((inside.find('/') == std::string::npos || inside.starts_with("explore/") ||
           inside.starts_with("common/")));
  }
  CHECK(seen > 5);
}
