// Who may include whom (docs/design.md, "The house").
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

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
    {"models/", {"sim/kernel/", "faultmaps/", "workloads/"}},
    {"trainer/", {"faultmaps/", "workloads/"}},
    {"tools/", {"trainer/", "models/", "sim/", "faultmaps/", "workloads/"}},
    {"tests/", {"tools/", "trainer/", "models/", "sim/", "faultmaps/", "workloads/"}},
};

struct Include {
  std::string file;  // that includes, from the root
  int line = 0;
  std::string target;
  bool angled = false;
};

std::vector<Include> includes_below(const std::filesystem::path& root, const std::string& folder) {
  std::vector<Include> result;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".h" && extension != ".cc") continue;
    std::ifstream in(entry.path());
    const std::string file = std::filesystem::relative(entry.path(), root).generic_string();
    std::string line;
    for (int number = 1; std::getline(in, line); ++number) {
      const size_t hash = line.find_first_not_of(" \t");
      if (hash == std::string::npos || line[hash] != '#') continue;
      const size_t word = line.find_first_not_of(" \t", hash + 1);
      if (word == std::string::npos || line.compare(word, 7, "include") != 0) continue;
      const size_t open = line.find_first_of("\"<", word);
      const size_t close = line.find_first_of("\">", open + 1);
      if (open == std::string::npos || close == std::string::npos) continue;
      result.push_back({file, number, line.substr(open + 1, close - open - 1), line[open] == '<'});
    }
  }
  return result;
}

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

const std::filesystem::path source_dir = STUCKAT_SOURCE_DIR;

}  // namespace

TEST_CASE("folders include only what the architecture allows") {
  size_t seen = 0;
  for (const Rule& folder : rules) {
    for (const Include& include : includes_below(source_dir, folder.folder)) {
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
    for (const Include& include : includes_below(source_dir, folder.folder)) {
      const bool systemc = include.target == "systemc" || include.target == "systemc.h" ||
                           include.target.starts_with("tlm");
      INFO(include.file << ":" << include.line << " includes " << include.target);
      CHECK((!systemc || may_use_systemc(include.file)));
    }
  }
}
