#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "faultmaps/describe_effects.h"
#include "faultmaps/lower.h"
#include "faultmaps/site_index.h"
#include "faultmaps/text_files.h"
#include "models/explore/design.h"
#include "sim/campaign/result.h"
#include "tools/report/convert.h"
#include "tools/report/fault_picture.h"
#include "tools/report/report.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/fleet.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/memory_json.h"
#include "tools/stuckat/protect_json.h"
#include "tools/stuckat/simulation_json.h"
#include "workloads/model_file.h"
#include "workloads/version.h"

namespace stuckat::cli {
namespace {

/// "LABEL=FILE"
std::pair<std::string, std::string> labelled(const std::string& option, const std::string& value) {
  const size_t equals = value.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == value.size()) {
    throw InputError("--" + option, "'" + value + "'", "LABEL=FILE");
  }
  return {value.substr(0, equals), value.substr(equals + 1)};
}

std::vector<std::string> list(const CommandLine& line, const char* option) {
  return line.has(option) ? line.get<std::vector<std::string>>(option) : std::vector<std::string>{};
}

po::typed_value<std::vector<std::string>>* labelled_files() {
  return po::value<std::vector<std::string>>()->value_name("LABEL=FILE");
}

constexpr size_t most_drawn = 6;

/// The chips of a file over the accelerator that they were made for, or that `accelerator` names.
report::FaultMaps draw_maps(const std::string& label, const std::string& path,
                            const Network& network, const std::string& accelerator) {
  std::vector<FaultMap> chips = read_fault_file(path);
  std::string hardware = accelerator;
  if (hardware.empty() && !chips.empty()) hardware = chips.front().accelerator;
  if (hardware.empty()) {
    throw InputError(path, "does not say which accelerator it is for", "--accelerator NAME");
  }
  const Placement placement = place_on(parse_accelerator(hardware, network), network);
  const SiteIndex sites(placement, network);
  report::FaultMaps result;
  result.label = label;
  result.file = std::filesystem::path(path).filename().string();
  result.made = command_of(fault_map_configuration(path));
  result.accelerator = placement.accelerator;
  result.chips = static_cast<int64_t>(chips.size());
  for (FaultMap& map : chips) {
    validate(map, sites, path);
    result.faults += static_cast<int64_t>(map.faults.size());
    if (result.drawn.size() == most_drawn) continue;
    report::FaultMaps::Chip chip{static_cast<int64_t>(result.drawn.size()),
                                 static_cast<int64_t>(map.faults.size()),
                                 {},
                                 report::memory_summary(map, sites)};
    constexpr size_t most_lines = 40;
    for (size_t i = 0; i < std::min(most_lines, map.faults.size()); ++i) {
      const Effects effects = lower({map.accelerator, {map.faults[i]}}, placement, network);
      chip.lines.push_back(
          {name(map.faults[i]), describe(effects, network), masked_text(map.faults[i])});
    }
    for (const auto& grid : report::fault_grids(map, sites)) {
      chip.pictures.push_back(report::svg_picture(grid));
    }
    result.drawn.push_back(std::move(chip));
  }
  return result;
}

}  // namespace

int run_report(const Arguments& arguments) {
  CommandLine line(
      "report --model LABEL=FILE --campaign LABEL=FILE --sim LABEL=FILE -o REPORT.html",
      "One self-contained HTML page from results. LABEL names a network; results of "
      "the same label are\nabout the same network. Every option may be repeated.");
  line.options().add_options()("model", labelled_files(), "a model file: what a label stands for")(
      "campaign", labelled_files(), "result of 'stuckat campaign'")(
      "sim", labelled_files(), "result of 'stuckat sim --json'")("exploration", labelled_files(),
                                                                 "result of 'stuckat explore'")(
      "fleet", labelled_files(), "result of 'stuckat fleet train'")(
      "resilience", labelled_files(), "resilience map of the fleet of that label")(
      "wafer", number("N", 0),
      "chips of fleets are dies of wafers, N across ('faults new --wafer')")(
      "prices", text("LIST"), "what chips of fleets are sold for, by accuracy: 92:10,85:4")(
      "network-price", po::value<double>()->value_name("X")->default_value(0),
      "of each network that is stored")("protection", labelled_files(),
                                        "result of 'stuckat protect --json': FAT's figure 9")(
      "memory", labelled_files(), "result of 'stuckat memory --json'")(
      "sharpness", labelled_files(), "result of 'stuckat sharpness --json'")(
      "zeros", labelled_files(), "result of 'stuckat info model --data --json'")(
      "fault-map", labelled_files(),
      "fault maps (.h5, .csv, .json), drawn over the parts; LABEL has a --model")(
      "accelerator", text("NAME"), "of the fault maps, where they do not say it")(
      "title", text("TEXT", "What broken hardware does"), "title of the page")(
      "output,o", text("FILE", "report.html"), "page to write");
  if (!line.parse(arguments)) return 0;
  report::ReportInput input;
  input.title = line.text("title");
  input.tool_version = tool_version;
  std::map<std::string, Network> models;
  for (const auto& value : list(line, "model")) {
    const auto [label, path] = labelled("model", value);
    ModelOrigin origin;
    const Network network = read_model(path, &origin);
    models.emplace(label, network);
    input.networks.push_back(
        {label, network.name, origin_in_short(origin.configuration), content_hash(network)});
    if (!origin.configuration.empty())
      input.recipes.push_back({"model, " + label, origin.configuration});
  }
  for (const auto& value : list(line, "campaign")) {
    const auto [label, path] = labelled("campaign", value);
    report::add_campaign(input, label, campaign::read_result(path));
  }
  for (const auto& value : list(line, "sim")) {
    const auto [label, path] = labelled("sim", value);
    report::Simulation simulation = read_simulation(path);
    const bool known =
        std::any_of(input.networks.begin(), input.networks.end(),
                    [&label = label](const auto& network) { return network.label == label; });
    // Timing alone needs no model.
    if (!known && simulation.predictions.empty()) {
      input.networks.push_back({label, simulation.network, "", ""});
    }
    simulation.network = label;
    input.simulations.push_back(std::move(simulation));
  }
  for (const auto& value : list(line, "fault-map")) {
    const auto [label, path] = labelled("fault-map", value);
    const auto model = models.find(label);
    if (model == models.end()) {
      throw InputError("--fault-map", "no --model is called '" + label + "'",
                       "--model " + label + "=FILE");
    }
    input.maps.push_back(draw_maps(label, path, model->second,
                                   line.has("accelerator") ? line.text("accelerator") : ""));
  }
  std::map<std::string, trainer::ResilienceMap> resilience;
  for (const auto& value : list(line, "resilience")) {
    const auto [label, path] = labelled("resilience", value);
    resilience.emplace(label, trainer::read_resilience_map(path));
  }
  const auto wafer = static_cast<int>(line.integer("wafer", 0, 1000));
  for (const auto& value : list(line, "fleet")) {
    const auto [label, path] = labelled("fleet", value);
    const auto result = trainer::read_fleet_result(path);
    const auto map = resilience.find(label);
    input.fleets.push_back(
        shown_fleet(label, result, map == resilience.end() ? nullptr : &map->second, wafer));
    add_prices(line, input.fleets.back());
    input.recipes.push_back({"fleet, " + label, result.configuration});
  }
  for (const auto& value : list(line, "exploration")) {
    const auto [label, path] = labelled("exploration", value);
    const explore::Exploration exploration = explore::read_exploration(path);
    report::Exploration shown{label, exploration.network, exploration.network_hash, {}, {}};
    const auto& rows = families().rows();
    for (const Family& family : rows) shown.families.push_back(family.label);
    for (const auto& d : exploration.designs) {
      const Family& family = families().of(d.name, path);
      const std::string fifo = d.fifo.empty() ? "" : ", FIFOs " + d.fifo;
      const std::string memory =
          d.bytes_per_cycle == 0 ? "" : fmt::format(", {} bytes per cycle", d.bytes_per_cycle);
      shown.designs.push_back({fmt::format("{}{}{}, {:g} MHz", d.name, fifo, memory, d.clock_mhz),
                               static_cast<int>(&family - rows.data()), d.pes, d.multipliers,
                               d.memory_bits, d.luts, d.bram18, d.dsps, d.frames_per_second,
                               d.worst_accuracy, d.pareto});
    }
    input.explorations.push_back(std::move(shown));
    input.recipes.push_back({"exploration, " + label, exploration.configuration});
  }
  for (const auto& value : list(line, "protection")) {
    const auto [label, path] = labelled("protection", value);
    for (auto& protection : read_protections(path, label)) {
      input.protections.push_back(std::move(protection));
    }
  }
  for (const auto& value : list(line, "memory")) {
    const auto [label, path] = labelled("memory", value);
    input.memories.push_back(read_memory_lots(path, label));
  }
  for (const auto& value : list(line, "sharpness")) {
    const auto [label, path] = labelled("sharpness", value);
    input.sharpness.push_back(read_sharpness(path, label));
  }
  for (const auto& value : list(line, "zeros")) {
    const auto [label, path] = labelled("zeros", value);
    input.zeros.push_back(read_zeros(path, label));
  }
  for (report::Recipe& recipe : input.recipes) {
    const std::string command = command_of(recipe.text);
    if (!command.empty()) recipe.text = command + "\n\n" + recipe.text;
  }
  report::write_report(line.text("output"), input);
  for (const auto& sentence : report::summary(input)) fmt::print("{}\n", sentence);
  fmt::print("{}\n", line.text("output"));
  line.write_json({{"report", line.text("output")}, {"summary", report::summary(input)}});
  return 0;
}

}  // namespace stuckat::cli
