#include "tools/stuckat/info_sites.h"

#include <fmt/format.h>

#include "faultmaps/sites.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/inputs.h"

namespace stuckat::cli {
namespace {

void write_pages(const std::string& folder) {
  const auto pictures = site_pictures();
  write_text_file(folder + "/faults.md", fault_page(pictures));
  fmt::print("{}/faults.md\n", folder);
  for (const SitePicture& picture : pictures) {
    write_text_file(folder + "/" + picture.file, picture.svg);
    fmt::print("{}/{}\n", folder, picture.file);
  }
}

/// The row, and where hardware is given its sites there.
nlohmann::ordered_json show(const SiteRow& row, const SiteIndex* sites) {
  fmt::print(
      "{}\n  written  {}\n  ranges   {}\n  means    {}\n  flip     {}\n  effect   {}\n"
      "  masked   when {}\n  source   {}\n",
      row.name, written(row), formulas(row), row.meaning, transient_text(row), row.effect,
      row.masked, row.source);
  nlohmann::ordered_json json = {
      {"name", row.name},       {"written", written(row)},     {"ranges", formulas(row)},
      {"meaning", row.meaning}, {"flip", transient_text(row)}, {"effect", row.effect},
      {"masked", row.masked},   {"source", row.source}};
  if (sites == nullptr) return json;
  json["parts"] = nlohmann::json::array();
  for (const SiteSpace& space : sites->of(row.kind)) {
    if (space.sites() == 0) continue;
    fmt::print("  {:<24} {:>12} sites: {}\n", space.part, thousands(space.sites()), ranges(space));
    nlohmann::ordered_json part = {{"part", space.part}, {"sites", space.sites()}};
    for (int i = 0; i < space.coordinates(); ++i) {
      const auto index = static_cast<size_t>(i);
      part["counts"][row.coordinates[index].name] = space.counts[index];
    }
    part["values"] = space.values;
    json["parts"].push_back(std::move(part));
  }
  if (json["parts"].empty()) fmt::print("  no such sites on {}\n", sites->accelerator());
  return json;
}

}  // namespace

std::string written(const SiteRow& row) {
  std::string pattern = "PART/";
  size_t next = 0;
  for (const char* p = row.pattern; *p != '\0'; ++p) {
    pattern += *p;
    if (*p == '[') pattern += row.coordinates[next++].name;
  }
  return pattern + (row.value == ValueKind::level ? "=LEVEL"
                    : row.value == ValueKind::on  ? "=1"
                    : row.flips()                 ? "=0|1|flip@CYCLE"
                                                  : "=0|1");
}

std::string formulas(const SiteRow& row) {
  std::string text;
  for (const SiteCoordinate& c : row.coordinates) {
    text += fmt::format("{}{} below {}", text.empty() ? "" : "; ", c.name, c.formula);
  }
  return text;
}

std::string transient_text(const SiteRow& row) {
  switch (row.transient) {
    case Transient::passes:
      return "inverts what passes in that very cycle";
    case Transient::stored:
      return "inverts what is stored at the beginning of that cycle, until it is written again";
    case Transient::none:
      break;
  }
  return row.value == ValueKind::bit ? "none: bits that are stuck alone"
                                     : "none: a whole part gives a level for good";
}

std::string ranges(const SiteSpace& space) {
  std::string text;
  for (int i = 0; i < space.coordinates(); ++i) {
    const auto index = static_cast<size_t>(i);
    text += fmt::format("{}{} 0 to {}", i > 0 ? ", " : "", space.row->coordinates[index].name,
                        space.counts[index] - 1);
  }
  return text;
}

int info_sites(const Arguments& arguments) {
  CommandLine line("info sites [options]",
                   "Every kind of fault site: how it is written and what it means. With --model "
                   "and --accelerator also its coordinates on each part of that accelerator.");
  add_hardware_options(line);
  line.options().add_options()("site", text("KIND"), "only this kind, like pe/weight")(
      "docs", text("FOLDER"), "write faults.md, which holds all this, and its pictures");
  if (!line.parse(arguments)) return 0;
  if (line.has("docs")) {
    write_pages(line.text("docs"));
    return 0;
  }
  const auto hardware = load_hardware_if_given(line);
  nlohmann::ordered_json result;
  if (line.has("site")) {
    result["sites"].push_back(
        show(site_row(parse_site_kind(line.text("site"), "--site")), sites_of(hardware)));
  } else {
    for (const SiteRow& row : site_table())
      result["sites"].push_back(show(row, sites_of(hardware)));
  }
  line.write_json(result);
  return 0;
}

}  // namespace stuckat::cli
