#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "faultmaps/faulty_reference.h"
#include "faultmaps/lower.h"
#include "models/dataflow/simulation.h"
#include "models/loopback/simulation.h"
#include "sim/fast/executor.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/simulation_json.h"
#include "tools/stuckat/trace_json.h"
#include "workloads/model_file.h"

namespace stuckat::cli {
namespace {

using report::Simulation;

struct Run {
  Simulation simulation;
  std::vector<std::vector<int32_t>> logits;           // [image][class]
  std::vector<std::vector<Tensor>> tensors;           // [image][tensor], if they are to be checked
  std::vector<loopback::LoopbackLayerResult> layers;  // of a loopback accelerator
};

/// The cycles of a run or of a timing, which every accelerator has.
template <typename Result>
Run cycles_of(Result& result) {
  Run run;
  Simulation& s = run.simulation;
  s.total_cycles = result.total_cycles;
  s.first_image_cycles = result.first_image_cycles;
  s.bottleneck = result.bottleneck;
  s.modules = std::move(result.modules);
  return run;
}

Run time_on(const dataflow::DataflowAccelerator& accelerator, const Network& network,
            size_t images) {
  auto timing = dataflow::time_images(network, accelerator, static_cast<int64_t>(images));
  const auto interval = dataflow::steady_interval(network, accelerator, timing.steady);
  Run run = cycles_of(timing);
  run.simulation.interval_cycles = std::llround(interval.per_image());
  run.simulation.streams = std::move(timing.streams);
  run.simulation.clock_mhz = accelerator.clock_mhz;
  return run;
}

void add_layers(Run& run, std::vector<loopback::LoopbackLayerResult> layers) {
  for (const auto& l : layers) {
    run.simulation.layers.push_back({l.name, l.cycles.total(), l.utilisation});
  }
  run.layers = std::move(layers);
}

Run time_on(const loopback::LoopbackAccelerator& accelerator, const Network& network,
            size_t images) {
  auto timing = loopback::time_images(network, accelerator, static_cast<int64_t>(images));
  Run run = cycles_of(timing);
  run.simulation.interval_cycles = timing.steady_interval_cycles;
  add_layers(run, std::move(timing.layers));
  return run;
}

/// The cycles with the occupancy of every stream come from the timing, which is the run's (faults
/// change no cycle) and takes next to nothing; the values from the run.
Run run_on(const dataflow::DataflowAccelerator& accelerator, const Network& network,
           const FaultMap& map, const std::vector<Tensor>& images, bool keep_tensors,
           const std::string& trace_file) {
  dataflow::DataflowResult result;
  dataflow::SimulationOptions options{.tensors = keep_tensors};
  const auto simulate = [&] {
    result = dataflow::simulate(network, accelerator, map, images, options);
  };
  if (trace_file.empty()) {
    simulate();
  } else {
    write_file(trace_file, [&](std::ostream& out) {
      const auto chain = dataflow::build_chain(accelerator, network);
      DataflowTrace trace(out, chain);
      std::vector<dataflow::StreamTrace> streams;
      options.trace = &streams;
      options.on_result = [&] { trace.add(streams); };
      simulate();
      trace.add(streams);
      trace.finish();
    });
  }
  Run run = time_on(accelerator, network, images.size());
  if (run.simulation.modules != result.modules ||
      run.simulation.total_cycles != result.total_cycles) {
    throw std::logic_error("the timing is not that of the run");
  }
  run.logits = std::move(result.logits);
  run.tensors = std::move(result.tensors);
  return run;
}

Run run_on(const loopback::LoopbackAccelerator& accelerator, const Network& network,
           const FaultMap& map, const std::vector<Tensor>& images, bool keep_tensors,
           const std::string& trace_file) {
  auto result = loopback::simulate(network, accelerator, map, images,
                                   {.tensors = keep_tensors, .transfers = !trace_file.empty()});
  Run run = cycles_of(result);
  run.simulation.interval_cycles = result.steady_interval_cycles;
  if (!trace_file.empty()) {
    write_file(trace_file, [&](std::ostream& out) { write_trace(out, result); });
  }
  add_layers(run, std::move(result.layers));
  run.logits = std::move(result.logits);
  run.tensors = std::move(result.tensors);
  return run;
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
    const int faulty = predicted_class(run.logits[i].data(), network.classes());
    run.simulation.predictions.push_back(
        {offset + static_cast<int64_t>(i), class_name(network, data, data.labels[i]),
         class_name(network, data, executor.prediction()), class_name(network, data, faulty)});
  }
}

bool agrees(const Run& run, const Network& network, const std::vector<Tensor>& images,
            const Effects& effects) {
  for (size_t i = 0; i < images.size(); ++i) {
    if (run.tensors[i] != reference::run(network, images[i], effects, static_cast<int64_t>(i))) {
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
  fmt::print("  bottleneck       {:>14}\n\n", s.bottleneck);
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
  if (!run.layers.empty()) {
    fmt::print("\n  {:<16} {:>12} {:>10} {:>12} {:>8} {:>8} {:>7} {:>12} {:>6}\n", "layer",
               "cycles", "steps", "for weights", "control", "drain", "used", "weight bytes",
               "tiles");
    for (const auto& l : run.layers) {
      fmt::print("  {:<16} {:>12} {:>10} {:>12} {:>8} {:>8} {:>5.1f} % {:>12} {:>6}\n", l.name,
                 thousands(l.cycles.total()), thousands(l.cycles.steps),
                 thousands(l.cycles.waiting), thousands(l.cycles.control),
                 thousands(l.cycles.pipeline), 100 * l.utilisation, thousands(l.weight_bytes),
                 l.tiles);
    }
  }
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
  if (s.agrees_with_reference) {
    fmt::print("\n  every tensor {} the reference with the lowered effects\n",
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
  const Accelerator accelerator = parse_accelerator(line.text("accelerator"), network);
  Run run = std::visit(
      [&](const auto& a) { return time_on(a, network, static_cast<size_t>(images)); }, accelerator);
  run.simulation.network = network.name;
  run.simulation.accelerator = place_on(accelerator, network).accelerator;
  run.simulation.images = images;
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
  add_data_options(line);
  add_fault_options(line);
  line.options().add_options()("no-check", po::bool_switch(), "do not compare with the reference")(
      "timing-only", po::bool_switch(),
      "cycles of --images N images, without values, data and faults: exact, and at once; MODEL may "
      "be "
      "the name of an architecture")("trace", text("FILE"),
                                     "what happened when, for ui.perfetto.dev or chrome://tracing, "
                                     "where 1 us is 1 cycle ('-': standard output)");
  line.epilogue(data_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  if (!line.has("accelerator"))
    throw InputError("stuckat sim", "no --accelerator", "--accelerator NAME");
  if (line.get<bool>("timing-only")) {
    return run_timing_only(line, network_alone(line.text("model")));
  }
  const Network network = read_model(line.text("model"));
  const DataSet data = load_data(line);
  check_fit(network, data, line.text("model"));
  const Accelerator accelerator = parse_accelerator(line.text("accelerator"), network);
  const Placement placement = place_on(accelerator, network, data.size());
  const FaultMap map = load_faults(line, placement, network);
  const Effects effects = lower(map, placement, network);
  std::vector<Tensor> images;
  for (int i = 0; i < data.size(); ++i) images.push_back(input_tensor(network, data, i));
  const bool check = !line.get<bool>("no-check");

  Run run = std::visit(
      [&](const auto& a) { return run_on(a, network, map, images, check, line.text("trace")); },
      accelerator);
  Simulation& s = run.simulation;
  s.network = network.name;
  s.accelerator = placement.accelerator;
  s.images = data.size();
  for (const Fault& fault : map.faults) s.faults.push_back(name(fault));
  s.effects = describe(effects, network);
  add_predictions(run, network, data, images, static_cast<int>(line.get<int64_t>("offset")));
  if (check) s.agrees_with_reference = agrees(run, network, images, effects);
  print(run);
  line.write_json(to_json(s));
  return s.agrees_with_reference.value_or(true) ? 0 : 1;
}

}  // namespace stuckat::cli
