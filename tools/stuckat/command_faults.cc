#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "faultmaps/generators.h"
#include "faultmaps/lower.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/inputs.h"
#include "workloads/model_file.h"

namespace stuckat::cli {
namespace {

std::vector<SiteKind> site_kinds(const std::string& list) {
  std::vector<SiteKind> kinds;
  std::stringstream stream(list);
  for (std::string name; std::getline(stream, name, ',');) {
    kinds.push_back(parse_site_kind(name, "--sites"));
  }
  if (kinds.empty()) throw InputError("--sites", "an empty list", "site kinds, like pe/weight");
  return kinds;
}

std::string site_help() {
  std::string help = "Site kinds ('stuckat info sites' explains them):";
  for (const SiteRow& row : site_table()) help += std::string(" ") + row.name;
  return help + "\n";
}

void add_hardware_options(CommandLine& line) {
  line.options().add_options()("model", text("FILE"), "network that the accelerator runs")(
      "accelerator", text("NAME"), "dataflow:NAME or loopback:PExSIMD; see below");
}

struct Hardware {
  Network network;
  Placement placement;
};

Hardware load_hardware(const CommandLine& line) {
  for (const char* name : {"model", "accelerator"}) {
    if (!line.has(name)) throw InputError("stuckat faults", std::string("no --") + name);
  }
  Hardware hardware{read_model(line.text("model")), {}};
  hardware.placement =
      place_on(parse_accelerator(line.text("accelerator"), hardware.network), hardware.network);
  return hardware;
}

int faults_new(const Arguments& arguments) {
  CommandLine line("faults new --model FILE --accelerator NAME -o MAP [options]",
                   "Makes a fault map: from faults by name (--fault, repeatable), or at random "
                   "(--sites, --rate, --seed).");
  add_hardware_options(line);
  line.options().add_options()("fault", po::value<std::vector<std::string>>()->value_name("NAME"),
                               "a fault, like layer1/mvtu/pe[5]/accumulator[3]=1; may be repeated")(
      "sites", text("KINDS"), "site kinds to break at random, separated by commas")(
      "rate", real("R", 0.001, "0.001"), "probability that a site is broken")(
      "seed", number("N", 1), "seed of the random faults")(
      "chips", number("N", 1), "number of maps to draw; chip i uses seed + i")(
      "output,o", text("FILE"), "fault map file to write");
  line.epilogue(site_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  if (!line.has("output")) throw InputError("stuckat faults new", "no --output", "-o MAP.h5");
  const Hardware hardware = load_hardware(line);
  std::vector<FaultMap> chips;
  for (int64_t chip = 0; chip < line.integer("chips", 1, 1000000); ++chip) {
    FaultMap map{hardware.placement.accelerator, {}};
    if (line.has("sites")) {
      const auto seed = static_cast<uint64_t>(line.integer("seed", 0, INT64_MAX / 2) + chip);
      map = random_map(site_kinds(line.text("sites")), line.real("rate", 0, 1), seed,
                       hardware.placement, hardware.network);
    }
    if (line.has("fault")) {
      for (const auto& fault : line.get<std::vector<std::string>>("fault")) {
        map.faults.push_back(parse_fault(fault, hardware.placement, hardware.network, "--fault"));
      }
    }
    validate(map, hardware.placement, hardware.network, "stuckat faults new");
    chips.push_back(std::move(map));
  }
  write_fault_maps(line.text("output"), chips, line.configuration().dump());
  size_t total = 0;
  for (const auto& chip : chips) total += chip.faults.size();
  fmt::print("{}: {} fault{} on {} chip{} of {}\n", line.text("output"), total,
             total == 1 ? "" : "s", chips.size(), chips.size() == 1 ? "" : "s",
             hardware.placement.accelerator);
  line.write_json({{"map", line.text("output")}, {"chips", chips.size()}, {"faults", total}});
  return 0;
}

int faults_show(const Arguments& arguments) {
  CommandLine line("faults show MAP [options]", "Lists the faults of a fault map file.", {"map"});
  line.options().add_options()("limit", number("N", 50), "faults to list for each chip");
  if (!line.parse(arguments)) return 0;
  const std::vector<FaultMap> chips = read_fault_maps(line.text("map"));
  const int64_t limit = line.integer("limit", 0, INT32_MAX);
  nlohmann::ordered_json result = nlohmann::json::array();
  for (size_t chip = 0; chip < chips.size(); ++chip) {
    const FaultMap& map = chips[chip];
    std::map<std::string, int64_t> by_kind;
    nlohmann::ordered_json names = nlohmann::json::array();
    for (const Fault& fault : map.faults) {
      ++by_kind[site_row(fault.kind).name];
      names.push_back(name(fault));
    }
    fmt::print("chip {} of {}: {} fault{}\n", chip, map.accelerator, map.faults.size(),
               map.faults.size() == 1 ? "" : "s");
    for (const auto& [kind, count] : by_kind) fmt::print("  {:<16} {}\n", kind, count);
    for (size_t i = 0; i < std::min(map.faults.size(), static_cast<size_t>(limit)); ++i) {
      fmt::print("  {}\n", name(map.faults[i]));
    }
    if (map.faults.size() > static_cast<size_t>(limit)) {
      fmt::print("  ... {} more\n", map.faults.size() - static_cast<size_t>(limit));
    }
    result.push_back({{"accelerator", map.accelerator}, {"faults", names}});
  }
  line.write_json(result);
  return 0;
}

int faults_lower(const Arguments& arguments) {
  CommandLine line("faults lower [MAP] --model FILE --accelerator NAME [--fault NAME]",
                   "Says what faults do to the network: the exact effects of a map or of faults "
                   "by name.");
  add_hardware_options(line);
  add_fault_options(line);
  line.epilogue(site_help() + accelerator_help());
  Arguments rest = arguments;
  if (!rest.empty() && !rest.front().starts_with("-")) rest.insert(rest.begin(), "--fault-map");
  if (!line.parse(rest)) return 0;
  const Hardware hardware = load_hardware(line);
  const FaultMap map = load_faults(line, hardware.placement, hardware.network);
  nlohmann::ordered_json result = nlohmann::json::array();
  for (const Fault& fault : map.faults) {
    FaultMap single{map.accelerator, {fault}};
    const auto lines =
        describe(lower(single, hardware.placement, hardware.network), hardware.network);
    fmt::print("{}\n", name(fault));
    for (const auto& effect : lines) fmt::print("  {}\n", effect);
    if (lines.empty()) fmt::print("  no effect: {}\n", site_row(fault.kind).masked);
    result.push_back({{"fault", name(fault)}, {"effects", lines}});
  }
  if (map.faults.empty()) fmt::print("no faults\n");
  line.write_json(result);
  return 0;
}

}  // namespace

int run_faults(const Arguments& arguments) {
  const std::vector<Command> table = {{"new", "make a fault map", faults_new},
                                      {"show", "list the faults of a file", faults_show},
                                      {"lower", "what faults do to a network", faults_lower}};
  return run_subcommand("faults", table, arguments);
}

}  // namespace stuckat::cli
