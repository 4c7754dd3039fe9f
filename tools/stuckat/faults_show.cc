#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "faultmaps/describe_effects.h"
#include "faultmaps/lower.h"
#include "faultmaps/operations.h"
#include "faultmaps/text_files.h"
#include "sim/campaign/fault_set.h"
#include "tools/report/fault_picture.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/broken.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/inputs.h"

namespace stuckat::cli {
namespace {

void draw(const FaultMap& map, const SiteIndex& sites) {
  for (const auto& grid : report::fault_grids(map, sites)) {
    fmt::print("{}", report::text_picture(grid));
  }
  for (const auto& summary : report::memory_summary(map, sites)) fmt::print("{}\n", summary);
}

/// All pictures of all chips below each other, as a page of its own.
std::string svg_page(const std::vector<FaultMap>& chips, const SiteIndex& sites) {
  std::string page =
      "<!doctype html>\n<meta charset=\"utf-8\">\n<title>Fault maps</title>\n<style>"
      "body{font:14px sans-serif}rect{stroke:#ccc;stroke-width:.6;fill:#fff}.h1,.h2{fill:#fdcc8a}"
      ".h3,.h4{fill:#fc8d59}.h5,.h6{fill:#d7301f}.h7{fill:#000}.tick{font-size:11px}</style>\n";
  for (size_t chip = 0; chip < chips.size(); ++chip) {
    page += fmt::format("<h2>chip {}</h2>\n", chip);
    for (const auto& grid : report::fault_grids(chips[chip], sites)) {
      page += "<div>" + report::svg_picture(grid) + "</div>\n";
    }
  }
  return page;
}

/// Faults that are in the network alone.
int lower_elements(const CommandLine& line, const Network& network) {
  line.refuse_without_effect(
      {{"accelerator", false, "stuck elements of the network name no hardware", "none"}});
  nlohmann::ordered_json result;
  for (const auto& element : line.get<std::vector<std::string>>("fault")) {
    const auto effects =
        campaign::named_faults(network, nullptr, {element}, {{element}}, "--fault").effects(0);
    const auto lines = describe(effects, network);
    fmt::print("{}\n", element);
    for (const auto& effect : lines) fmt::print("  {}\n", effect);
    result["faults"].push_back({{"fault", element}, {"effects", lines}});
  }
  line.write_json(result);
  return 0;
}

}  // namespace

int faults_show(const Arguments& arguments) {
  CommandLine line("faults show MAP [options]",
                   "Lists the faults of a file (.h5, .csv, .json). With --model and --accelerator "
                   "it also draws them over the arrays: rows are PEs; the first column is the PE "
                   "itself (X: dead), the others are its lanes; a digit counts faults.",
                   {"map"});
  add_hardware_options(line);
  line.options().add_options()("limit", number("N", 50), "faults to list for each chip")(
      "chip", number("N", -1), "only this chip; -1: all")(
      "svg", text("FILE"), "write the pictures as a page with vector graphics");
  if (!line.parse(arguments)) return 0;
  if (line.has("model")) take_accelerator_of_map(line, "map");
  const auto hardware = load_hardware_if_given(line);
  std::vector<FaultMap> chips = read_fault_file(line.text("map"), sites_of(hardware));
  const auto first_chip = line.integer("chip", -1, static_cast<int64_t>(chips.size()) - 1);
  if (first_chip >= 0) chips = {chips[static_cast<size_t>(first_chip)]};
  const auto limit = static_cast<size_t>(line.integer("limit", 0, INT32_MAX));
  nlohmann::ordered_json result = {{"chips", nlohmann::json::array()}};
  for (size_t i = 0; i < chips.size(); ++i) {
    const FaultMap& map = chips[i];
    std::map<std::string, int64_t> by_kind;
    nlohmann::ordered_json names = nlohmann::json::array();
    for (const Fault& fault : map.faults) {
      ++by_kind[site_row(fault.kind).name];
      names.push_back(name(fault));
    }
    fmt::print("chip {} of {}: {}\n", first_chip >= 0 ? first_chip : static_cast<int64_t>(i),
               map.accelerator, faults_text(map.faults.size()));
    for (const auto& [kind, count] : by_kind) fmt::print("  {:<16} {}\n", kind, count);
    for (size_t n = 0; n < std::min(map.faults.size(), limit); ++n) {
      fmt::print("  {}\n", name(map.faults[n]));
    }
    if (map.faults.size() > limit) fmt::print("  ... {} more\n", map.faults.size() - limit);
    if (hardware != nullptr) draw(map, hardware->sites);
    result["chips"].push_back({{"accelerator", map.accelerator}, {"faults", names}});
  }
  if (line.has("svg")) {
    if (hardware == nullptr) throw InputError("--svg", "no --model and --accelerator", "both");
    write_text_file(line.text("svg"), svg_page(chips, hardware->sites));
  }
  line.write_json(result);
  return 0;
}

int faults_lower(const Arguments& arguments) {
  CommandLine line("faults lower [MAP] --model FILE --accelerator NAME [--fault NAME]",
                   "Says what faults do to the network: the exact effects of a map or of faults "
                   "by name. Stuck elements of the network (LAYER/channel[C]=LEVEL, ...) need no "
                   "accelerator.");
  add_hardware_options(line);
  add_fault_options(line);
  line.options().add_options()("images", number("N", 1),
                               "images of the run that transients (=flip@CYCLE) are in");
  line.epilogue(site_help() + accelerator_help());
  Arguments rest = arguments;
  if (!rest.empty() && !rest.front().starts_with("-")) rest.insert(rest.begin(), "--fault-map");
  if (!line.parse(rest)) return 0;
  if (line.has("model")) {
    const Network network = network_alone(line.text("model"));
    if (only_elements(line, network)) return lower_elements(line, network);
  }
  take_accelerator_of_map(line);
  const auto hardware = load_hardware(line);
  const Placement placement =
      place_on(parse_accelerator(line.text("accelerator"), hardware->network), hardware->network,
               line.integer("images", 1, INT32_MAX));
  const FaultMap map = load_faults(line, placement, hardware->network);
  nlohmann::ordered_json result = {{"faults", nlohmann::json::array()}};
  for (const Fault& fault : map.faults) {
    FaultMap single{map.accelerator, {fault}};
    const auto lines = describe(lower(single, placement, hardware->network), hardware->network);
    fmt::print("{}\n", name(fault));
    for (const auto& effect : lines) fmt::print("  {}\n", effect);
    if (lines.empty()) fmt::print("  no effect: {}\n", masked_text(fault));
    result["faults"].push_back({{"fault", name(fault)}, {"effects", lines}});
  }
  if (map.faults.empty()) fmt::print("no faults\n");
  line.write_json(result);
  return 0;
}

int faults_stats(const Arguments& arguments) {
  CommandLine line("faults stats MAP [--model FILE --accelerator NAME]",
                   "Faults per chip over all chips of a file: mean, variance (equal to the mean "
                   "for a Poisson lot), share of chips without a fault. With --model and "
                   "--accelerator also the broken sites of each kind and part, with their rate.",
                   {"map"});
  add_hardware_options(line);
  if (!line.parse(arguments)) return 0;
  if (line.has("model")) take_accelerator_of_map(line, "map");
  const auto hardware = load_hardware_if_given(line);
  const auto chips = read_fault_file(line.text("map"), sites_of(hardware));
  const LotStatistics lot = lot_statistics(chips);
  fmt::print("{} chips, {} without a fault ({})\n", thousands(lot.chips), thousands(lot.faultless),
             percent(lot.faultless, lot.chips));
  fmt::print("faults a chip: mean {:.3f}, variance {:.3f}, {} to {}\n", lot.mean, lot.variance,
             lot.least, lot.most);
  nlohmann::ordered_json result = {{"chips", lot.chips},
                                   {"faultless", lot.faultless},
                                   {"mean", lot.mean},
                                   {"variance", lot.variance},
                                   {"least", lot.least},
                                   {"most", lot.most},
                                   {"sites", nlohmann::json::array()}};
  if (hardware != nullptr) {
    fmt::print("{:<16} {:<20} {:>12} {:>12}  rate\n", "site kind", "part", "broken", "sites");
    std::vector<SiteCount> total = count_sites({}, hardware->sites);
    for (const FaultMap& chip : chips) {
      const auto rows = count_sites(chip, hardware->sites);
      for (size_t i = 0; i < rows.size(); ++i) total[i].broken += rows[i].broken;
    }
    for (SiteCount& row : total) {
      row.sites *= lot.chips;
      const char* kind = site_row(row.kind).name;
      if (row.broken > 0) {
        fmt::print("{:<16} {:<20} {:>12} {:>12}  {:.3g}\n", kind, row.part, thousands(row.broken),
                   thousands(row.sites), row.rate());
      }
      result["sites"].push_back({{"site", kind},
                                 {"part", row.part},
                                 {"broken", row.broken},
                                 {"sites", row.sites},
                                 {"rate", row.rate()}});
    }
  }
  line.write_json(result);
  return 0;
}

}  // namespace stuckat::cli
