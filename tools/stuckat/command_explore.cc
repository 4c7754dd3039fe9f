#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>

#include "models/explore/foldings.h"
#include "sim/campaign/result.h"
#include "sim/campaign/run.h"
#include "sim/campaign/summary.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/explore_sweep.h"
#include "tools/stuckat/inputs.h"
#include "workloads/model_file.h"
#include "workloads/version.h"

namespace stuckat::cli {
namespace {

using explore::Design;

/// "a,b,c" in parts; empty text has none.
std::vector<std::string> list_of(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t first = 0; first < text.size();) {
    const size_t end = std::min(text.find(',', first), text.size());
    parts.push_back(text.substr(first, end - first));
    first = end + 1;
  }
  return parts;
}

double number_of(const std::string& option, const std::string& text, double low, double high) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= low && value <= high)) {
    throw InputError("--" + option, "'" + text + "'", fmt::format("{} to {}", low, high));
  }
  return value;
}

std::vector<double> numbers(const CommandLine& line, const std::string& option, double low,
                            double high) {
  std::vector<double> values;
  for (const auto& part : list_of(line.text(option))) {
    values.push_back(number_of(option, part, low, high));
  }
  return values;
}

Sweep sweep_of(const CommandLine& line, const Network& network) {
  Sweep sweep;
  sweep.clocks_mhz = numbers(line, "clock", 1, 10'000);
  for (const double bytes : numbers(line, "bandwidth", 1, 4096)) {
    sweep.bandwidths.push_back(std::llround(bytes));
  }
  sweep.fifos = list_of(line.text("fifo"));
  for (const auto& fifo : sweep.fifos) {
    if (fifo.find_first_not_of("0123456789") != std::string::npos && fifo != "given" &&
        fifo != "smallest") {
      throw_unknown_name("--fifo", "choice of depths", fifo, {"given", "smallest"});
    }
    if (fifo != "given" && fifo != "smallest") (void)number_of("fifo", fifo, 1, 1 << 20);
  }
  for (const double fps : numbers(line, "fps", 1e-3, 1e9)) {
    for (const double clock : sweep.clocks_mhz.empty() ? std::vector{300.0} : sweep.clocks_mhz) {
      sweep.rates.push_back({fps, clock});
    }
  }
  if (const int64_t count = line.integer("foldings", 0, 100'000); count > 0) {
    for (auto& folding : explore::some_foldings(network, count)) {
      sweep.accelerators.emplace_back(std::move(folding));
    }
  }
  for (const auto& array : list_of(line.text("arrays"))) {
    sweep.accelerators.push_back(parse_accelerator("loopback:" + array, network));
  }
  if (line.has("accelerator")) {
    for (const auto& name : line.get<std::vector<std::string>>("accelerator")) {
      sweep.accelerators.push_back(parse_accelerator(name, network));
    }
  }
  if (sweep.accelerators.empty() && sweep.rates.empty()) {
    throw InputError("stuckat explore", "nothing to explore",
                     "--foldings, --fps, --arrays or --accelerator");
  }
  return sweep;
}

/// What is above a budget is left out.
int64_t apply_budgets(std::vector<DesignPoint>& points, const CommandLine& line) {
  const int64_t pes = line.integer("max-pes", 1, INT64_MAX);
  const int64_t bits = line.integer("max-memory-bits", 1, INT64_MAX);
  const double fps = line.real("min-fps", 0, 1e12);
  return static_cast<int64_t>(std::erase_if(points, [&](const DesignPoint& p) {
    return p.design.pes > pes || p.design.memory_bits > bits || p.design.frames_per_second < fps;
  }));
}

/// [error-free accuracy, worst accuracy, which fault]
using Worst = nlohmann::ordered_json;

Worst worst_of(const campaign::Result& result) {
  const auto all = campaign::overall(result);
  return {result.golden_accuracy(), all.accuracy.min,
          result.faults[static_cast<size_t>(all.accuracy.worst)].id};
}

void take_worst(Design& design, const Worst& worst) {
  design.error_free_accuracy = worst.at(0);
  design.worst_accuracy = worst.at(1);
  design.worst_fault = worst.at(2);
}

/// Accuracy under the worst single dead PE: from campaigns that were run on the very same placement
/// and, if asked for, by campaigns of every PE, one for each placement.
void examine_faults(std::vector<DesignPoint>& points, const CommandLine& line,
                    const Network& network, ExploreJournal& journal) {
  std::map<std::string, Worst> known;  // by hash of the fault set, placement included
  if (line.has("campaign")) {
    for (const auto& path : line.get<std::vector<std::string>>("campaign")) {
      const campaign::Result result = campaign::read_result(path);
      if (result.identity.network_hash != content_hash(network)) {
        throw InputError(path, "is about another network", line.text("model"));
      }
      known.insert_or_assign(result.identity.faults_hash, worst_of(result));
    }
  }
  const bool run = line.get<bool>("worst-case");
  if (known.empty() && !run) return;
  DataSet data;
  std::string images;
  if (run) {
    if (names_architecture(line.text("model"))) {
      throw InputError("--worst-case", line.text("model") + " has no trained parameters",
                       "a model file");
    }
    data = load_data(line);
    check_fit(network, data, line.text("model"));
    images = content_hash(network) + content_hash(data);
  }
  Progress progress("dead PEs");
  for (size_t i = 0; i < points.size(); ++i) {
    const Placement placement = place_on(points[i].accelerator, network);
    const auto faults = campaign::parse_fault_set("pe", network, &placement, "pe");
    const std::string hash = campaign::content_hash(faults);
    auto found = known.find(hash);
    if (found == known.end() && run) {
      campaign::RunOptions options;
      options.threads = threads(line);
      const Worst worst = journal.find("worst " + images + hash, [&] {
        return worst_of(campaign::run(network, data, faults, options).result);
      });
      found = known.emplace(hash, worst).first;
    }
    if (found != known.end()) take_worst(points[i].design, found->second);
    progress.show(static_cast<double>(i + 1) / static_cast<double>(points.size()),
                  fmt::format("{} of {} designs", i + 1, points.size()));
  }
}

void print_designs(const std::vector<Design>& designs) {
  fmt::print("{:<28} {:>8} {:>6} {:>6} {:>8} {:>6} {:>12} {:>11} {:>12} {:>8}  {}\n", "design",
             "FIFOs", "MHz", "B/clk", "PEs", "MACs", "memory bits", "interval", "frames/s",
             "worst %", "bottleneck");
  for (const Design& d : designs) {
    if (!d.pareto) continue;
    fmt::print("{:<28} {:>8} {:>6.0f} {:>6} {:>8} {:>6} {:>12} {:>11.0f} {:>12.1f} {:>8}  {}\n",
               d.name, d.fifo, d.clock_mhz,
               d.bytes_per_cycle == 0 ? "-" : std::to_string(d.bytes_per_cycle), thousands(d.pes),
               thousands(d.multipliers), thousands(d.memory_bits), d.interval_cycles,
               d.frames_per_second,
               d.worst_accuracy < 0 ? "-" : fmt::format("{:.2f}", d.worst_accuracy), d.bottleneck);
  }
}

void add_explore_options(CommandLine& line) {
  using Texts = std::vector<std::string>;
  line.options().add_options()("foldings", number("N", 0),
                               "dataflow: N of all foldings, from the smallest to the largest")(
      "fps", text("LIST"),
      "dataflow: the smallest foldings that reach these frame rates, with the FIFOs of --fifo")(
      "arrays", text("LIST"), "loopback: array shapes, such as 16x16,32x64")(
      "accelerator", po::value<Texts>()->value_name("NAME"),
      "one more accelerator; may be repeated")(
      "fifo", text("LIST", "given"),
      "dataflow: FIFO depths: given, smallest (that cost no speed), or numbers")(
      "clock", text("LIST"), "MHz; without it 300 for foldings, 200 for arrays, or as given")(
      "bandwidth", text("LIST"), "loopback: bytes of off-chip memory per cycle")(
      "max-pes", number("N", INT64_MAX)->default_value(INT64_MAX, "any"), "leave out larger ones")(
      "max-memory-bits", number("N", INT64_MAX)->default_value(INT64_MAX, "any"),
      "leave out larger ones")("min-fps", real("F", 0, "0"), "leave out slower ones")(
      "campaign", po::value<Texts>()->value_name("RESULT"),
      "a campaign of every PE ('--faults pe') for the designs of the same placement")(
      "worst-case", po::bool_switch(),
      "run such a campaign for every design that has none, on --data")(
      "output,o", text("FILE"),
      "HDF5 file to write, for 'stuckat report --exploration'; a run that was stopped goes on when "
      "it "
      "is started again with the same")("csv", text("FILE"),
                                        "write one line for each design as CSV")(
      "designs", text("FOLDER"), "write the accelerators that no other beats as JSON");
  add_data_options(line);
  add_thread_option(line);
  line.epilogue(accelerator_help() + data_help());
}

/// So that 'stuckat sim --accelerator dataflow:FOLDER/3.json' reads them.
void write_designs(const std::string& folder, const std::vector<Design>& designs) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw InputError(folder, "cannot be made: " + error.message());
  for (size_t i = 0; i < designs.size(); ++i) {
    if (!designs[i].pareto) continue;
    write_text_file(fmt::format("{}/{}.json", folder, i), designs[i].accelerator + "\n");
  }
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
  const Sweep sweep = sweep_of(line, network);
  explore::TimingCache cache(network);
  std::string journal_path;
  if (line.has("output")) {
    check_can_replace(line.text("output"));
    journal_path = line.text("output") + ".journal";
    line.check_files({}, {{"the journal", journal_path}});
  }
  ExploreJournal journal(journal_path);
  const auto start = std::chrono::steady_clock::now();
  std::vector<DesignPoint> points;
  {
    Progress progress("explore");
    points = explore_all(sweep, network, cache, journal, [&](double done) {
      progress.show(done,
                    fmt::format("{} timings", thousands(cache.simulated() + cache.in_part())));
      return true;
    });
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  const auto timed = static_cast<int64_t>(points.size());
  const int64_t left_out = apply_budgets(points, line);
  if (points.empty()) {
    throw InputError("stuckat explore", "no design is within the budgets",
                     "a larger --max-pes or --max-memory-bits, or a smaller --min-fps");
  }
  examine_faults(points, line, network, journal);
  explore::Exploration exploration{
      tool_version, network.name, content_hash(network), line.configuration().dump(), {}};
  for (const DesignPoint& point : points) exploration.designs.push_back(point.design);
  auto& designs = exploration.designs;
  mark_pareto(designs);
  const auto best =
      std::count_if(designs.begin(), designs.end(), [](const Design& d) { return d.pareto; });
  print_designs(designs);
  fmt::print(
      "\n{} designs in {:.1f} s ({} timed as a whole, {} in part, {} taken over from one of the "
      "same cycles), {} "
      "outside of the budgets; {} that no other beats are shown\n",
      thousands(timed), time.count(), thousands(cache.simulated()), thousands(cache.in_part()),
      thousands(cache.taken_over()), thousands(left_out), thousands(best));
  if (journal.found() > 0) {
    fmt::print("{} findings of a run that was stopped were taken over\n",
               thousands(journal.found()));
  }
  if (line.has("output")) write_exploration(line.text("output"), exploration);
  if (line.has("csv")) write_text_file(line.text("csv"), designs_csv(designs));
  if (line.has("designs")) write_designs(line.text("designs"), designs);
  journal.remove();
  line.write_json({{"network", network.name},
                   {"designs", designs.size()},
                   {"left_out", left_out},
                   {"pareto", best},
                   {"timings", cache.simulated()},
                   {"timings_in_part", cache.in_part()},
                   {"taken_over", cache.taken_over()},
                   {"resumed", journal.found()},
                   {"seconds", time.count()}});
  return 0;
}

}  // namespace stuckat::cli
