// Each folder has a README.md of half a page whose table of files is true: every file named there
// exists, every file of the folder is named, by itself or by a group ("*_module").
#include <fnmatch.h>

#include <map>
#include <set>

#include "tests/house/source_tree.h"
#include "tests/support/catch.h"

using namespace stuckat::test;
namespace fs = std::filesystem;

namespace {

/// Folders with sources, and those that lead to them. The tests have one page for all.
std::set<std::string> folders() {
  std::set<std::string> result = {"docs", "examples", "tests"};
  for (const char* top : {"workloads", "faultmaps", "sim", "models", "trainer", "tools"}) {
    result.insert(top);
    for (const std::string& file : sources_below(top)) {
      result.insert(fs::path(file).parent_path().generic_string());
    }
  }
  return result;
}

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream in(source_dir / file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// What stands between `open` and `close`, each time.
std::vector<std::string> between(const std::string& text, const std::string& open,
                                 const std::string& close) {
  std::vector<std::string> parts;
  for (size_t at = text.find(open); at != std::string::npos; at = text.find(open, at)) {
    at += open.size();
    const size_t end = text.find(close, at);
    if (end == std::string::npos) break;
    parts.push_back(text.substr(at, end - at));
    at = end + close.size();
  }
  return parts;
}

/// The names and groups in the first column of a README's table of files.
std::vector<std::string> named_files(const std::string& folder) {
  std::vector<std::string> names;
  for (const std::string& line : lines_of(folder + "/README.md")) {
    if (!line.starts_with("| ")) continue;
    const std::string cell = line.substr(2, line.find(" |", 2) - 2);
    for (const std::string& name : between(cell, "`", "`")) names.push_back(name);
    for (const std::string& target : between(cell, "](", ")")) names.push_back(target);
  }
  return names;
}

/// "network" names network.h and network.cc, a whole name itself.
bool names(const std::string& pattern, const std::string& file) {
  const std::string stem = file.substr(0, file.find('.'));
  return fnmatch(pattern.c_str(), file.c_str(), 0) == 0 ||
         fnmatch(pattern.c_str(), stem.c_str(), 0) == 0;
}

/// Files that a README says what they are; folders below have READMEs of their own or are named.
std::vector<std::string> files_in(const std::string& folder) {
  static const std::set<std::string> everywhere = {"README.md", "CMakeLists.txt", "__pycache__"};
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(source_dir / folder)) {
    const std::string name = entry.path().filename().string();
    if (everywhere.count(name) == 0 && name[0] != '.') files.push_back(name);
  }
  return files;
}

}  // namespace

TEST_CASE("each folder says what lives there, and names every file") {
  size_t seen = 0;
  for (const std::string& folder : folders()) {
    INFO(folder << "/README.md");
    REQUIRE(fs::exists(source_dir / folder / "README.md"));
    const auto patterns = named_files(folder);
    for (const std::string& file : files_in(folder)) {
      const bool has_page = fs::exists(source_dir / folder / file / "README.md");
      INFO(file << " is not in its table of files");
      ++seen;
      CHECK((has_page || std::any_of(patterns.begin(), patterns.end(),
                                     [&](const auto& pattern) { return names(pattern, file); })));
    }
  }
  CHECK(seen > 300);
}

TEST_CASE("what a README names exists") {
  for (const std::string& folder : folders()) {
    INFO(folder << "/README.md");
    const auto files = files_in(folder);
    for (const std::string& pattern : named_files(folder)) {
      if (pattern.find('/') != std::string::npos) continue;  // a link
      INFO("no file is named by " << pattern);
      CHECK(std::any_of(files.begin(), files.end(),
                        [&](const auto& file) { return names(pattern, file); }));
    }
    CHECK(lines_of(folder + "/README.md").size() <= 60);
  }
}

TEST_CASE("links in READMEs lead to files") {
  size_t seen = 0;
  std::set<std::string> pages = {"README.md", "CONTRIBUTING.md"};
  for (const std::string& folder : folders()) pages.insert(folder + "/README.md");
  for (const std::string& page : pages) {
    for (const std::string& target : between(text_of(page), "](", ")")) {
      if (target.starts_with("http") || target.starts_with("#")) continue;
      ++seen;
      INFO(page << " links to " << target);
      CHECK(fs::exists((source_dir / page).parent_path() / target.substr(0, target.find('#'))));
    }
  }
  CHECK(seen > 40);
}
