#include <fstream>
#include <string>

#include "faultmaps/sites.h"
#include "tests/support/catch.h"

using namespace stuckat;

namespace {

/// The page has the heading "## HEADING".
bool has_heading(const std::string& page, const std::string& heading) {
  std::ifstream file(std::string(STUCKAT_SOURCE_DIR) + "/" + page);
  for (std::string line; std::getline(file, line);) {
    if (line == "## " + heading) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("every source that a site kind cites is a page of the repository with that heading") {
  for (const SiteRow& row : site_table()) {
    const std::string source = row.source;
    const size_t comma = source.find(", ");
    INFO(row.name << ": " << source);
    REQUIRE(comma != std::string::npos);
    CHECK(has_heading(source.substr(0, comma), source.substr(comma + 2)));
  }
  CHECK_FALSE(has_heading("docs/hardware.md", "No such part"));
  CHECK_FALSE(has_heading("docs/no-such-page.md", "MVTU"));
}
