#include "models/dataflow/family.h"

#include <cmath>
#include <optional>
#include <stdexcept>

#include "models/dataflow/bottleneck.h"
#include "models/dataflow/chain.h"
#include "models/dataflow/explorer.h"
#include "models/dataflow/finn_folding.h"
#include "models/dataflow/placement.h"
#include "models/dataflow/simulation.h"
#include "models/dataflow/site_diagram.h"
#include "models/dataflow/stuck_unit.h"
#include "models/dataflow/timeline.h"
#include "models/dataflow/timing.h"
#include "models/dataflow/trace_json.h"

namespace stuckat::dataflow {
namespace {

SimulationResult cycles_of(DataflowTiming timing) {
  SimulationResult result;
  result.first_image_cycles = timing.first_image_cycles;
  result.total_cycles = timing.total_cycles;
  result.bottleneck = std::move(timing.bottleneck);
  result.modules = std::move(timing.modules);
  result.streams = std::move(timing.streams);
  return result;
}

/// The last image's words of the streams that carry tensors.
std::vector<CycleSpan> last_spans(const Chain& chain, const std::vector<StreamTrace>& streams,
                                  const Network& network) {
  std::vector<CycleSpan> spans(static_cast<size_t>(network.tensors()));
  for (size_t i = 0; i < chain.streams.size(); ++i) {
    const StreamSpec& stream = chain.streams[i];
    const auto& pushes = streams[i].pushes;
    if (stream.tensor < 0 || pushes.empty()) continue;
    const size_t first = pushes.size() - static_cast<size_t>(stream.words_per_image);
    spans[static_cast<size_t>(stream.tensor)] = {pushes[first], pushes.back()};
  }
  return spans;
}

}  // namespace

std::string Dataflow::json(const Network& network) const { return to_json(description_, network); }

Placement Dataflow::place(const Network& network) const {
  return dataflow::place(description_, network);
}

std::unique_ptr<Timeline> Dataflow::timeline(const Network& network, int64_t images) const {
  return std::make_unique<DataflowTimeline>(description_, network, images);
}

std::string Dataflow::finn_folding(const Network& network) const {
  return to_finn_folding(description_, network);
}

SimulationResult Dataflow::time(const Network& network, int64_t images) const {
  DataflowTiming timing = time_images(network, description_, images);
  const Interval interval = steady_interval(network, description_, timing.steady);
  const std::string pace = pace_setter(network, description_, timing, images, interval);
  SimulationResult result = cycles_of(std::move(timing));
  result.interval_cycles = std::llround(interval.per_image());
  result.bottleneck = pace;
  result.notes.push_back("FIFO depths: " + description_.depths.text);
  return result;
}

SimulationResult Dataflow::simulate_protected(const Network& network, const Placement& placement,
                                              const FaultMap& map,
                                              const std::vector<Tensor>& images,
                                              const Recording& recording) const {
  validate(description_, network);
  const Chain chain = build_chain(description_, network);
  std::vector<StreamTrace> streams;
  std::optional<DataflowTrace> trace;
  SimulationOptions options{
      .tensors = recording.tensors, .on_image = recording.progress, .placement = &placement};
  if (recording.trace != nullptr) trace.emplace(*recording.trace, chain);
  if (trace || recording.spans) options.trace = &streams;
  // What the trace has written is kept no longer, unless the last image's cycles are asked for.
  if (trace && !recording.spans) options.on_result = [&] { trace->add(streams); };
  DataflowResult run = dataflow::simulate(network, description_, map, images, options);
  std::vector<CycleSpan> spans;
  if (recording.spans) spans = last_spans(chain, streams, network);
  if (trace) {
    trace->add(streams);
    trace->finish();
  }
  auto logits = std::move(run.logits);
  auto tensors = std::move(run.tensors);
  auto reports = std::move(run.reports);
  SimulationResult result = cycles_of(std::move(run));
  if (recording.statistics) {
    SimulationResult timing = time(network, static_cast<int64_t>(images.size()));
    if (timing.modules != result.modules || timing.total_cycles != result.total_cycles) {
      throw std::logic_error("the timing is not that of the run");
    }
    result = std::move(timing);
  }
  result.logits = std::move(logits);
  result.tensors = std::move(tensors);
  result.spans = std::move(spans);
  result.reports = std::move(reports);
  return result;
}

Family family() {
  Family row;
  row.prefix = "dataflow";
  row.noun = "dataflow accelerator";
  row.label = "dataflow";
  row.forms = {{"FILE.json", "see models/dataflow/FORMAT.md; FINN's folding_config.json too"}};
  for (const auto& name : dataflow_names()) row.forms.push_back({name, ""});
  row.parse = [](const std::string& name, const Network& network) -> AcceleratorPtr {
    return std::make_shared<Dataflow>(
        parse_dataflow(name.substr(std::string_view("dataflow:").size()), network));
  };
  row.sweep_options = sweep_options();
  row.explorer = explorer;
  row.stuck_unit = stuck_unit;
  row.examples = examples();
  row.diagram = site_diagram();
  return row;
}

}  // namespace stuckat::dataflow
