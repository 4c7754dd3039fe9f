#include "models/loopback/family.h"

#include "models/loopback/activation_plan.h"
#include "models/loopback/explorer.h"
#include "models/loopback/placement.h"
#include "models/loopback/simulation.h"
#include "models/loopback/site_diagram.h"
#include "models/loopback/timeline.h"
#include "models/loopback/trace_json.h"
#include "workloads/capabilities.h"

namespace stuckat::loopback {
namespace {

SimulationResult cycles_of(LoopbackResult run, const Network& network) {
  SimulationResult result;
  result.first_image_cycles = run.first_image_cycles;
  result.interval_cycles = run.steady_interval_cycles;
  result.total_cycles = run.total_cycles;
  result.bottleneck = std::move(run.bottleneck);
  result.modules = std::move(run.modules);
  for_each_step(run, run.images.back(), [&](const LoopbackLayerResult& l, const LayerCycles& c) {
    result.layers.push_back({l.name,
                             c.total(),
                             l.utilisation,
                             {{"steps", c.steps, 10},
                              {"for weights", c.waiting},
                              {"control", c.control, 8},
                              {"drain", c.pipeline, 8}},
                             {{"weight bytes", l.weight_bytes}, {"tiles", l.tiles, 6}}});
  });
  if (!is_chain(network)) {
    std::string bytes;
    for (const int64_t used : run.buffer_bytes) {
      bytes += (bytes.empty() ? "" : " and ") + std::to_string(used);
    }
    result.notes.push_back("the activation buffers are used up to " + bytes +
                           " bytes: tensors stay until their last reader");
  }
  return result;
}

/// What a layer computes comes out while it runs on the array.
std::vector<CycleSpan> last_spans(const LoopbackResult& run, const Network& network) {
  std::vector<CycleSpan> spans(static_cast<size_t>(network.tensors()));
  const ImageCycles& image = run.images.back();
  int64_t now = run.total_cycles - image.total() + image.load;
  for_each_step(run, image, [&](const LoopbackLayerResult& step, const LayerCycles& cycles) {
    const int64_t end = now + cycles.total();
    spans[static_cast<size_t>(Network::output_tensor(step.layer))] = {now, end - 1};
    now = end;
  });
  return spans;
}

}  // namespace

std::string Loopback::json(const Network& /*network*/) const { return to_json(description_); }

Placement Loopback::place(const Network& network) const {
  return loopback::place(description_, network);
}

std::unique_ptr<Timeline> Loopback::timeline(const Network& network, int64_t images) const {
  return std::make_unique<LoopbackTimeline>(description_, network, static_cast<int>(images));
}

SimulationResult Loopback::time(const Network& network, int64_t images) const {
  return cycles_of(time_images(network, description_, images), network);
}

SimulationResult Loopback::simulate_protected(const Network& network, const Placement& placement,
                                              const FaultMap& map,
                                              const std::vector<Tensor>& images,
                                              const Recording& recording) const {
  const bool traced = recording.trace != nullptr;
  LoopbackResult run = loopback::simulate(network, description_, map, images,
                                          {.tensors = recording.tensors,
                                           .transfers = traced,
                                           .placement = &placement,
                                           .on_image = recording.progress});
  if (traced) write_trace(*recording.trace, run);
  std::vector<CycleSpan> spans;
  if (recording.spans) spans = last_spans(run, network);
  auto logits = std::move(run.logits);
  auto tensors = std::move(run.tensors);
  auto reports = std::move(run.reports);
  SimulationResult result = cycles_of(std::move(run), network);
  result.logits = std::move(logits);
  result.tensors = std::move(tensors);
  result.spans = std::move(spans);
  result.reports = std::move(reports);
  return result;
}

Cost Loopback::cost(const Network& /*network*/) const {
  const LoopbackAccelerator& a = description_;
  return {a.pe, a.pe * a.simd, 8 * (a.weight_buffer_bytes + 2 * a.activation_buffer_bytes)};
}

Family family() {
  Family row;
  row.prefix = "loopback";
  row.noun = row.label = "loopback array";
  row.forms = {{"PExSIMD", "one array runs layer after layer, for instance loopback:32x64"},
               {"FILE.json", "see models/loopback/FORMAT.md"}};
  row.parse = [](const std::string& name, const Network& /*network*/) -> AcceleratorPtr {
    return std::make_shared<Loopback>(parse_loopback(name));
  };
  row.sweep_options = sweep_options();
  row.explorer = explorer;
  row.examples = examples();
  row.diagram = site_diagram();
  return row;
}

}  // namespace stuckat::loopback
