#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>

#include "models/common/finn_buildable.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/explore_options.h"
#include "tools/stuckat/inputs.h"
#include "tools/studies/journal.h"
#include "workloads/json_file.h"
#include "workloads/model_file.h"
#include "workloads/version.h"

namespace stuckat::cli {
namespace {

using explore::Design;

void print_designs(const std::vector<Design>& designs) {
  size_t width = 28;
  for (const Design& d : designs) width = std::max(width, d.pareto ? d.name.size() : 0);
  fmt::print("{:<{}} {:>8} {:>6} {:>6} {:>8} {:>6} {:>12} {:>11} {:>12} {:>8}  {}\n", "design",
             width, "FIFOs", "MHz", "B/clk", "PEs", "MACs", "memory bits", "interval", "frames/s",
             "worst %", "bottleneck");
  for (const Design& d : designs) {
    if (!d.pareto) continue;
    fmt::print("{:<{}} {:>8} {:>6.0f} {:>6} {:>8} {:>6} {:>12} {:>11.0f} {:>12.1f} {:>8}  {}\n",
               d.name, width, d.fifo, d.clock_mhz,
               d.bytes_per_cycle == 0 ? "-" : std::to_string(d.bytes_per_cycle), thousands(d.pes),
               thousands(d.multipliers), thousands(d.memory_bits), d.interval_cycles,
               d.frames_per_second,
               d.worst_accuracy < 0 ? "-" : fmt::format("{:.2f}", d.worst_accuracy), d.bottleneck);
  }
}

/// Of the designs that are shown: which FIFO makes the busiest part wait.
void name_pace_setters(const std::vector<explore::DesignPoint>& points, const Network& network,
                       explore::Findings& findings, std::vector<Design>& designs) {
  ProgressLine progress("what sets the pace");
  for (size_t i = 0; i < designs.size(); ++i) {
    if (!designs[i].pareto || !points[i].waits) continue;
    progress.show(static_cast<double>(i) / static_cast<double>(designs.size()), "");
    const std::string found = findings.find(
        "pace " + content_hash(network) + designs[i].accelerator,
        [&] { return nlohmann::json(points[i].accelerator->time(network, 1).bottleneck).dump(); });
    designs[i].bottleneck = parse_json(found, "a finding of another run").get<std::string>();
  }
  progress.clear();
}

void make_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw InputError(folder, "cannot be made: " + error.message());
}

/// So that 'stuckat sim --accelerator dataflow:FOLDER/3.json' reads them.
void write_designs(const std::string& folder, const std::vector<Design>& designs) {
  make_folder(folder);
  for (size_t i = 0; i < designs.size(); ++i) {
    if (!designs[i].pareto) continue;
    write_text_file(fmt::format("{}/{}.json", folder, i), designs[i].accelerator + "\n");
  }
}

/// The same designs for FINN, under the same numbers, and what is none of them and why.
struct FinnFoldings {
  std::vector<std::pair<size_t, std::string>> texts;     // design, text
  std::vector<std::pair<size_t, std::string>> refusals;  // design, reason
};

FinnFoldings finn_foldings(const std::vector<explore::DesignPoint>& points,
                           const std::vector<Design>& designs, const Network& network) {
  FinnFoldings result;
  for (size_t i = 0; i < designs.size(); ++i) {
    if (!designs[i].pareto) continue;
    const auto* buildable = dynamic_cast<const FinnBuildable*>(points[i].accelerator.get());
    if (buildable == nullptr) {
      result.refusals.emplace_back(i, designs[i].name + ": is nothing that FINN builds");
      continue;
    }
    try {
      result.texts.emplace_back(i, buildable->finn_folding(network));
    } catch (const InputError& error) {
      result.refusals.emplace_back(i, error.what());
    }
  }
  return result;
}

void write_finn_foldings(const std::string& folder, const FinnFoldings& foldings,
                         nlohmann::ordered_json& result) {
  make_folder(folder);
  for (const auto& [design, text] : foldings.texts) {
    write_text_file(fmt::format("{}/{}.json", folder, design), text);
  }
  for (const auto& [design, reason] : foldings.refusals) {
    fmt::print(stderr, "note: no {}/{}.json: {}\n", folder, design, reason);
    result["finn_refused"].push_back({{"design", design}, {"reason", reason}});
  }
  result["finn_written"] = foldings.texts.size();
  fmt::print("{} of {} designs written for FINN: {}\n", foldings.texts.size(),
             foldings.texts.size() + foldings.refusals.size(), folder);
}

}  // namespace

int run_explore(const Arguments& arguments) {
  CommandLine line("explore MODEL|NETWORK --foldings N --arrays LIST -o RESULT",
                   "Which accelerator for a network: frames per second, PEs, memory bits and the "
                   "accuracy under the\nworst dead PE of many designs, and those that no other "
                   "beats. Cycles are exact.",
                   {"model"});
  add_explore_options(line);
  if (!line.parse(arguments)) return 0;
  const Network network = network_alone(line.text("model"));
  studies::Sweep sweep = sweep_of(line, network);
  const Budgets budgets = budgets_of(line);
  std::optional<DataSaid> data;  // of --worst-case
  studies::WorstCases worst_cases = worst_cases_of(line, network, data);
  for (const char* folder : {"designs", "finn"}) {
    if (line.has(folder)) check_new_folder(line.text(folder));
  }
  std::string journal_path;
  if (line.has("output")) {
    check_can_replace(line.text("output"));
    journal_path = line.text("output") + ".journal";
    line.check_files({}, {{"the journal", journal_path}});
    check_can_replace(journal_path);
  }
  studies::Journal journal(journal_path);
  const auto start = std::chrono::steady_clock::now();
  std::vector<explore::DesignPoint> points;
  {
    ProgressLine progress("explore");
    points = sweep.explore(journal, [&](double done) {
      const auto counts = sweep.timings();
      progress.show(done, fmt::format("{} timings", thousands(counts.simulated + counts.in_part)));
    });
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  const auto timed = static_cast<int64_t>(points.size());
  const auto left_out = static_cast<int64_t>(std::erase_if(
      points, [&](const explore::DesignPoint& p) { return !budgets.allow(p.design); }));
  if (points.empty()) {
    throw InputError("stuckat explore", "no design is within the budgets",
                     "a larger --max-pes or --max-memory-bits, or a smaller --min-fps");
  }
  {
    ProgressLine progress("dead PEs");
    worst_cases.examine(points, journal, [&](size_t done) {
      progress.show(static_cast<double>(done) / static_cast<double>(points.size()),
                    fmt::format("{} of {} designs", done, points.size()));
    });
  }
  for (const std::string& path : worst_cases.unused()) {
    fmt::print(stderr, "note: {} is of the placement of none of the designs\n", path);
  }
  explore::Exploration exploration{
      tool_version, network.name, content_hash(network), line.configuration().dump(), {}};
  for (const explore::DesignPoint& point : points) exploration.designs.push_back(point.design);
  auto& designs = exploration.designs;
  mark_pareto(designs);
  name_pace_setters(points, network, journal, designs);
  const explore::TimingCounts timings = sweep.timings();
  const auto best =
      std::count_if(designs.begin(), designs.end(), [](const Design& d) { return d.pareto; });
  print_designs(designs);
  fmt::print(
      "\n{} design{} in {:.1f} s ({} timed as a whole, {} in part, {} taken over from one of the "
      "same cycles), {} "
      "outside of the budgets; {} that no other beats are shown\n",
      thousands(timed), timed == 1 ? "" : "s", time.count(), thousands(timings.simulated),
      thousands(timings.in_part), thousands(timings.taken_over), thousands(left_out),
      thousands(best));
  if (data) fmt::print("worst dead PEs on {}\n", data->text);
  if (journal.found() > 0) {
    fmt::print("{} findings of a run that was stopped were taken over\n",
               thousands(journal.found()));
  }
  if (line.has("output")) write_exploration(line.text("output"), exploration);
  if (line.has("csv")) write_text_file(line.text("csv"), designs_csv(designs));
  if (line.has("designs")) write_designs(line.text("designs"), designs);
  journal.remove();
  nlohmann::ordered_json result = {{"network", network.name},
                                   {"designs", designs.size()},
                                   {"left_out", left_out},
                                   {"pareto", best},
                                   {"timings", timings.simulated},
                                   {"timings_in_part", timings.in_part},
                                   {"taken_over", timings.taken_over},
                                   {"resumed", journal.found()},
                                   {"seconds", time.count()}};
  if (data) result["data"] = data->json;
  if (line.has("finn")) {
    write_finn_foldings(line.text("finn"), finn_foldings(points, designs, network), result);
  }
  line.write_json(result);
  return 0;
}

}  // namespace stuckat::cli
