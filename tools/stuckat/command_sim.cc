#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "faultmaps/describe_effects.h"
#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "sim/fast/executor.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/broken.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/simulation_json.h"
#include "tools/stuckat/trace_file.h"
#include "workloads/model_file.h"

namespace stuckat::cli {
namespace {

using report::Simulation;

constexpr int64_t standard_images = 10;  // a full test set takes hours

/// What the command shows of a run, or of a timing.
struct Run {
  Simulation simulation;
  SimulationResult result;
};

Run shown(SimulationResult result, const Accelerator& accelerator, const Network& network,
          int64_t images) {
  Run run;
  Simulation& s = run.simulation;
  s.network = network.name;
  s.accelerator = accelerator.name();
  s.images = images;
  s.total_cycles = result.total_cycles;
  s.first_image_cycles = result.first_image_cycles;
  s.interval_cycles = result.interval_cycles;
  s.bottleneck = result.bottleneck;
  s.clock_mhz = accelerator.clock_mhz();
  s.modules = result.modules;
  s.streams = result.streams;
  s.reports = result.reports;
  for (const auto& l : result.layers) s.layers.push_back({l.name, l.cycles, l.utilisation});
  run.result = std::move(result);
  return run;
}

SimulationResult simulate(const Accelerator& accelerator, const Network& network,
                          const FaultMap& map, const std::vector<Tensor>& images, bool tensors,
                          const std::string& trace_file) {
  ProgressLine progress("sim");
  const auto start = std::chrono::steady_clock::now();
  const auto all = static_cast<double>(images.size());
  Recording recording{.tensors = tensors, .statistics = true};
  recording.progress = [&](int64_t images_done) {
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    const auto done = static_cast<double>(images_done);
    progress.show(done / all, fmt::format("{:.1f} images/s", done / std::max(1e-9, time.count())));
  };
  if (trace_file.empty()) return accelerator.simulate(network, map, images, recording);
  SimulationResult result;
  write_trace(trace_file, [&](std::ostream& out) {
    recording.trace = &out;
    result = accelerator.simulate(network, map, images, recording);
  });
  return result;
}

std::string class_name(const Network& network, const DataSet& data, int index) {
  const auto i = static_cast<size_t>(index);
  if (!network.class_names.empty()) return network.class_names[i];
  return i < data.class_names.size() ? data.class_names[i] : std::to_string(index);
}

void add_predictions(Run& run, const Network& network, const DataSet& data,
                     const std::vector<Tensor>& images, int offset) {
  const fast::PackedNetwork packed(network);
  fast::Executor executor(packed);
  for (size_t i = 0; i < images.size(); ++i) {
    executor.run(images[i]);
    const int faulty = predicted_class(network, run.result.logits[i].data());
    run.simulation.predictions.push_back(
        {offset + static_cast<int64_t>(i), class_name(network, data, data.labels[i]),
         class_name(network, data, executor.prediction()), class_name(network, data, faulty)});
  }
}

bool agrees(const Run& run, const Network& network, const std::vector<Tensor>& images,
            const Effects& effects) {
  for (size_t i = 0; i < images.size(); ++i) {
    if (run.result.tensors[i] !=
        reference::run(network, images[i], effects, static_cast<int64_t>(i))) {
      return false;
    }
  }
  return true;
}

std::string time_text(int64_t cycles, double clock_mhz) {
  if (clock_mhz <= 0) return "";
  return fmt::format(" = {:.1f} us at {:g} MHz", static_cast<double>(cycles) / clock_mhz,
                     clock_mhz);
}

/// Once steady; 0 where nothing says how long a cycle is.
double frames_per_second(const Simulation& s) {
  const int64_t interval = s.interval_cycles.value_or(s.first_image_cycles);
  return interval <= 0 ? 0 : s.clock_mhz * 1e6 / static_cast<double>(interval);
}

/// Cycles with what they are the sum of, then what else there is to know.
void print_layers(const std::vector<LayerStatistics>& layers) {
  if (layers.empty()) return;
  fmt::print("\n  {:<16} {:>12}", "layer", "cycles");
  for (const auto& f : layers.front().summands) fmt::print(" {:>{}}", f.name, f.width);
  fmt::print(" {:>7}", "used");
  for (const auto& f : layers.front().quantities) fmt::print(" {:>{}}", f.name, f.width);
  fmt::print("\n");
  for (const auto& l : layers) {
    fmt::print("  {:<16} {:>12}", l.name, thousands(l.cycles));
    for (const auto& f : l.summands) fmt::print(" {:>{}}", thousands(f.value), f.width);
    fmt::print(" {:>5.1f} %", 100 * l.utilisation);
    for (const auto& f : l.quantities) fmt::print(" {:>{}}", thousands(f.value), f.width);
    fmt::print("\n");
  }
}

void print(const Run& run) {
  const Simulation& s = run.simulation;
  fmt::print("{} on {}, {} image{}\n", s.network, s.accelerator, s.images,
             s.images == 1 ? "" : "s");
  fmt::print("  first image      {:>14} cycles{}\n", thousands(s.first_image_cycles),
             time_text(s.first_image_cycles, s.clock_mhz));
  if (s.interval_cycles) {
    fmt::print("  steady interval  {:>14} cycles{}\n", thousands(*s.interval_cycles),
               time_text(*s.interval_cycles, s.clock_mhz));
  }
  fmt::print("  all images       {:>14} cycles{}\n", thousands(s.total_cycles),
             time_text(s.total_cycles, s.clock_mhz));
  if (const double rate = frames_per_second(s); rate > 0) {
    fmt::print("  frames per second{:>14.1f}\n", rate);
  }
  fmt::print("  bottleneck       {:>14}\n", s.bottleneck);
  for (const auto& note : run.result.notes) fmt::print("  {}\n", note);
  fmt::print("\n");
  fmt::print("  {:<24} {:>7} {:>12} {:>12} {:>12}\n", "module", "busy", "busy", "starved",
             "blocked");
  for (const auto& m : s.modules) {
    fmt::print("  {:<24} {:>5.1f} % {:>12} {:>12} {:>12}\n", m.name, 100 * m.utilisation(),
               thousands(m.busy_cycles),
               thousands(m.starved_cycles + m.memory_cycles + m.control_cycles),
               thousands(m.blocked_cycles));
  }
  if (!s.streams.empty()) {
    fmt::print("\n  {:<24} {:>7} {:>12} {:>12} {:>9} {:>9} {:>9}\n", "stream", "depth",
               "high water", "words", "mean", "empty", "full");
    for (const auto& f : s.streams) {
      fmt::print("  {:<24} {:>7} {:>12} {:>12} {:>9.2f} {:>7.1f} % {:>7.1f} %\n", f.name, f.depth,
                 f.high_water, thousands(f.words), f.mean_words(), 100 * f.share_at(0),
                 100 * f.share_at(f.depth));
    }
  }
  print_layers(run.result.layers);
  if (!s.faults.empty()) fmt::print("\n  faults\n");
  for (const auto& fault : s.faults) fmt::print("    {}\n", fault);
  if (!s.effects.empty()) fmt::print("  effects\n");
  for (const auto& effect : s.effects) fmt::print("    {}\n", effect);
  if (!s.predictions.empty())
    fmt::print("\n  {:>7}  {:<14} {:<14} {:<14}\n", "image", "shows", "fault-free", "simulated");
  for (const auto& p : s.predictions) {
    fmt::print("  {:>7}  {:<14} {:<14} {:<14}{}\n", p.image, p.label, p.fault_free, p.faulty,
               p.fault_free == p.faulty ? "" : "  changed");
  }
  if (!s.predictions.empty()) {
    const auto right = [&](std::string Simulation::Prediction::*predicted) {
      return std::count_if(s.predictions.begin(), s.predictions.end(),
                           [&](const auto& p) { return p.*predicted == p.label; });
    };
    fmt::print("  {} of {} right", right(&Simulation::Prediction::faulty), s.predictions.size());
    if (!s.faults.empty()) {
      fmt::print(", {} without faults", right(&Simulation::Prediction::fault_free));
    }
    fmt::print("\n");
  }
  if (!s.reports.empty()) fmt::print("\n  comparators\n");
  for (const ErrorReport& report : s.reports) {
    fmt::print("    {}: {} outputs of its copies differ\n", report.pe, thousands(report.outputs));
  }
  if (s.agrees_with_reference) {
    fmt::print("\n  every tensor {} what the fault analysis predicts\n",
               *s.agrees_with_reference ? "equals" : "DIFFERS FROM");
  }
}

int run_timing_only(const CommandLine& line, const Network& network) {
  constexpr int64_t most_images = 10'000'000;  // the cycle of each arrival is kept
  for (const char* values : {"fault-map", "fault", "trace"}) {
    if (line.has(values)) {
      throw InputError("--timing-only", std::string("with --") + values,
                       "neither faults, which change no cycle, nor a trace");
    }
  }
  int64_t images = line.integer("images", -1, most_images);
  if (images == 0) throw InputError("--images", "0", "at least 1");
  images = std::max<int64_t>(1, images);
  const AcceleratorPtr accelerator = parse_accelerator(line.text("accelerator"), network);
  (void)place_on(accelerator, network);  // throws if a part cannot hold its layer
  const Run run = shown(accelerator->time(network, images), *accelerator, network, images);
  print(run);
  line.write_json(to_json(run.simulation));
  return 0;
}

}  // namespace

int run_sim(const Arguments& arguments) {
  CommandLine line("sim MODEL --accelerator NAME --data NAME[:PATH] [options]",
                   "Runs images through the cycle-level SystemC model of an accelerator, with the "
                   "faults of a map\narmed on its parts: cycles, stalls, occupancy and values. "
                   "Every tensor is compared with the\nreference, unless --no-check says not to.",
                   {"model"});
  line.options().add_options()("accelerator", text("NAME"), "what runs the network; see below");
  add_data_options(line, standard_images);
  add_fault_options(line);
  line.options().add_options()("no-check", po::bool_switch(), "do not compare with the reference")(
      "timing-only", po::bool_switch(),
      "cycles of --images N images, without values, data and faults: exact, and at once; MODEL may "
      "be "
      "the name of an architecture")("trace", text("FILE"), trace_help);
  line.epilogue(data_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  take_accelerator_of_map(line);
  if (!line.has("accelerator"))
    throw InputError("stuckat sim", "no --accelerator", "--accelerator NAME");
  if (line.get<bool>("timing-only")) {
    return run_timing_only(line, network_alone(line.text("model")));
  }
  const Network network = read_model(line.text("model"));
  const DataSet data = load_data(line, network, line.text("model"));
  const AcceleratorPtr accelerator = parse_accelerator(line.text("accelerator"), network);
  const Placement placement = place_on(accelerator, network, data.size());
  const FaultMap map = load_faults(line, placement, network);
  const Effects effects = lower(map, placement, network);
  std::vector<Tensor> images;
  for (int i = 0; i < data.size(); ++i) images.push_back(input_tensor(network, data, i));
  const bool check = !line.get<bool>("no-check");

  Run run = shown(simulate(*accelerator, network, map, images, check, line.text("trace")),
                  *accelerator, network, data.size());
  Simulation& s = run.simulation;
  s.data = data_text(line, data);
  s.data_hash = content_hash(data);
  for (const Fault& fault : map.faults) s.faults.push_back(name(fault));
  s.effects = describe(effects, network);
  add_predictions(run, network, data, images, static_cast<int>(line.get<int64_t>("offset")));
  if (check) s.agrees_with_reference = agrees(run, network, images, effects);
  print(run);
  line.write_json(to_json(s));
  return s.agrees_with_reference.value_or(true) ? 0 : 1;
}

}  // namespace stuckat::cli
