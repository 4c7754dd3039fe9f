// What outsiders may include: the headers that a library's CMakeLists.txt lists as PUBLIC_HEADERS,
// which are those that are installed. The others are the library's own.
#include <map>
#include <set>
#include <sstream>

#include "tests/house/source_tree.h"
#include "tests/support/catch.h"

using namespace stuckat::test;
namespace fs = std::filesystem;

namespace {

/// The library that a file is part of: the nearest folder above it that CMake knows.
std::string library_of(const std::string& file) {
  fs::path folder = fs::path(file).parent_path();
  while (!folder.empty() && !fs::exists(source_dir / folder / "CMakeLists.txt")) {
    folder = folder.parent_path();
  }
  return folder.generic_string();
}

/// Paths from the root, by the library.
std::map<std::string, std::set<std::string>> public_headers() {
  std::map<std::string, std::set<std::string>> result;
  for (const char* top : {"workloads", "faultmaps", "sim", "models", "trainer"}) {
    for (const std::string& file : sources_below(top)) {
      const std::string folder = library_of(file);
      if (result.count(folder) > 0) continue;
      std::istringstream words(text_of(folder + "/CMakeLists.txt"));
      bool listed = false;
      for (std::string word; words >> word;) {
        if (word == "PUBLIC_HEADERS") {
          listed = true;
        } else if (word.ends_with(".h") && listed) {
          result[folder].insert(folder + "/" + word);
        } else {
          listed = false;
        }
      }
    }
  }
  return result;
}

}  // namespace

TEST_CASE("a header that is not public is included in its own library only") {
  const auto libraries = public_headers();
  REQUIRE(libraries.size() >= 11);
  size_t internal = 0;
  std::vector<Include> includes;
  for (const char* top :
       {"workloads", "faultmaps", "sim", "models", "trainer", "tools", "examples"}) {
    const auto some = includes_below(top);
    includes.insert(includes.end(), some.begin(), some.end());
  }
  for (const Include& include : includes) {
    const auto library = libraries.find(library_of(include.target));
    if (include.angled || library == libraries.end()) continue;
    const bool is_public = library->second.count(include.target) > 0;
    internal += is_public ? 0 : 1;
    INFO(include.file << ":" << include.line << " includes " << include.target
                      << ", which is not among PUBLIC_HEADERS of its library");
    CHECK((is_public || library_of(include.file) == library->first));
  }
  CHECK(internal > 50);
}

TEST_CASE("public headers exist, and include nothing that is not public") {
  size_t seen = 0;
  const auto libraries = public_headers();
  for (const auto& [folder, headers] : libraries) {
    for (const std::string& header : headers) {
      INFO(header);
      REQUIRE(fs::exists(source_dir / header));
      for (const Include& include : includes_of(header)) {
        if (include.angled) continue;
        ++seen;
        INFO(include.line << ": includes " << include.target);
        const auto library = libraries.find(library_of(include.target));
        REQUIRE(library != libraries.end());
        CHECK(library->second.count(include.target) > 0);
      }
    }
  }
  CHECK(seen > 100);
}
