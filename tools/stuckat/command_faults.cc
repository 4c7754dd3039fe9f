#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "faultmaps/text_files.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/option_values.h"
#include "workloads/model_file.h"

namespace stuckat::cli {
namespace {

Network network_of(const CommandLine& line) {
  for (const char* name : {"model", "accelerator"}) {
    if (!line.has(name)) throw InputError("stuckat faults", std::string("no --") + name);
  }
  return read_model(line.text("model"));
}

}  // namespace

Hardware::Hardware(const CommandLine& line)
    : network(network_of(line)),
      placement(place_on(parse_accelerator(line.text("accelerator"), network), network)),
      sites(placement, network) {}

void add_hardware_options(CommandLine& line) {
  line.options().add_options()("model", text("FILE"), "network that the accelerator runs")(
      "accelerator", text("NAME"), "dataflow:NAME or loopback:PExSIMD; see below");
}

std::unique_ptr<Hardware> load_hardware(const CommandLine& line) {
  return std::make_unique<Hardware>(line);
}

std::unique_ptr<Hardware> load_hardware_if_given(const CommandLine& line) {
  return line.has("model") || line.has("accelerator") ? load_hardware(line) : nullptr;
}

const SiteIndex* sites_of(const std::unique_ptr<Hardware>& hardware) {
  return hardware == nullptr ? nullptr : &hardware->sites;
}

std::vector<SiteKind> site_kinds(const std::string& list, const SiteIndex& sites) {
  std::vector<SiteKind> kinds;
  for (const auto& name : split_list(list)) kinds.push_back(parse_site_kind(name, "--sites"));
  if (kinds.empty()) throw InputError("--sites", "an empty list", "site kinds, like pe/weight");
  const auto there = [&](SiteKind kind) {
    const auto spaces = sites.of(kind);
    return std::any_of(spaces.begin(), spaces.end(), [](const auto& s) { return s.sites() > 0; });
  };
  for (const SiteKind kind : kinds) {
    if (there(kind)) continue;
    std::string known;
    for (const SiteRow& row : site_table()) {
      if (there(row.kind)) known += std::string(" ") + row.name;
    }
    throw InputError("--sites", sites.accelerator() + " has no " + site_row(kind).name,
                     "one of" + known);
  }
  return kinds;
}

std::string site_help() {
  std::string help = "Site kinds ('stuckat info sites' explains them):";
  for (const SiteRow& row : site_table()) help += std::string(" ") + row.name;
  return help + "\n";
}

std::string faults_text(size_t count) {
  return thousands(static_cast<int64_t>(count)) + (count == 1 ? " fault" : " faults");
}

void write_maps(const CommandLine& line, const std::string& path,
                const std::vector<FaultMap>& chips) {
  if (path.ends_with(".csv")) {
    const bool columns = line.has("columns") && line.get<bool>("columns");
    write_text_file(path, fault_csv(chips, columns ? CsvStyle::columns : CsvStyle::names));
  } else if (path.ends_with(".json")) {
    write_text_file(path, fault_json(chips));
  } else if (path.ends_with(".h5") || path.ends_with(".hdf5")) {
    write_fault_maps(path, chips, line.configuration().dump());
  } else {
    throw InputError(path, "unknown kind of file", "a name that ends in .h5, .hdf5, .csv or .json");
  }
  size_t total = 0;
  for (const auto& chip : chips) total += chip.faults.size();
  fmt::print("{}: {} on {} chip{}{}\n", path, faults_text(total),
             thousands(static_cast<int64_t>(chips.size())), chips.size() == 1 ? "" : "s",
             chips.empty() ? "" : " of " + chips.front().accelerator);
  line.write_json({{"map", path}, {"chips", chips.size()}, {"faults", total}}, "faults map");
}

int run_faults(const Arguments& arguments) {
  const std::vector<Command> table = {
      {"new", "make fault maps: by name, by pattern, at random", faults_new},
      {"show", "list and draw the faults of a file", faults_show},
      {"lower", "what faults do to a network", faults_lower},
      {"stats", "how much is broken, by kind and part, and over the chips", faults_stats},
      {"union", "faults of any of several maps", faults_union},
      {"intersect", "faults that several maps have in common", faults_intersect},
      {"diff", "faults of one map that another has not", faults_diff},
      {"distance", "how far two maps are apart", faults_distance},
      {"convert", "between HDF5, CSV, JSON and bitmaps", faults_convert},
      {"pessimism", "exact faults against stuck channels, kind by kind", faults_pessimism},
      {"pessimism-page", "a page from results of 'pessimism'", faults_pessimism_page}};
  return run_subcommand("faults", table, arguments);
}

}  // namespace stuckat::cli
