#include "tools/studies/whatif.h"

#include <algorithm>
#include <mutex>

#include "faultmaps/describe_effects.h"
#include "faultmaps/lower.h"
#include "faultmaps/site_index.h"
#include "sim/campaign/fault_set.h"
#include "sim/fast/fault_simulator.h"
#include "sim/fast/parallel.h"
#include "tools/report/fault_picture.h"
#include "workloads/json_file.h"
#include "workloads/model_file.h"

namespace stuckat::studies {
namespace {

using report::CycleFigures;
using report::TensorChange;
using report::WhatIfCase;

std::string simulate_in_child(const BrokenNetwork& hardware, const FaultMap& map,
                              const Effects& effects, const DataSet& data, int count) {
  const Network& network = hardware.network;
  std::vector<Tensor> images;
  for (int i = 0; i < count; ++i) images.push_back(input_tensor(network, data, i));
  const auto result =
      hardware.accelerator->simulate(network, map, images, {.tensors = true, .statistics = true});
  const fast::PackedNetwork packed(network);
  bool agree = true;
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<size_t>(i);
    agree = agree && result.tensors[index] == fast::run(packed, effects, images[index], i);
  }
  return nlohmann::json{{"first", result.first_image_cycles},
                        {"interval", result.interval_cycles.value_or(0)},
                        {"total", result.total_cycles},
                        {"bottleneck", result.bottleneck},
                        {"agree", agree},
                        {"images", count}}
      .dump();
}

CycleFigures figures(const std::string& text) {
  const Json json = parse_json(text, "cycles of another process");
  return {json["images"], json["first"],      json["interval"],
          json["total"],  json["bottleneck"], json["agree"]};
}

std::vector<TensorChange> no_changes(const Network& network) {
  std::vector<TensorChange> tensors;
  for (int t = 0; t < network.tensors(); ++t) {
    TensorChange change;
    change.name = network.tensor_name(t);
    change.shape = network.shape(t);
    change.channels.resize(static_cast<size_t>(change.shape.channels));
    change.pixels.resize(static_cast<size_t>(change.shape.pixels()));
    tensors.push_back(std::move(change));
  }
  return tensors;
}

void compare(const std::vector<Tensor>& golden, const std::vector<Tensor>& faulty,
             std::vector<TensorChange>& changes) {
  for (size_t t = 0; t < golden.size(); ++t) {
    TensorChange& change = changes[t];
    ++change.examined;
    const auto& g = golden[t].values;
    const auto& f = faulty[t].values;
    const auto channels = static_cast<size_t>(change.shape.channels);
    for (size_t i = 0; i < g.size(); ++i) {
      if (g[i] == f[i]) continue;
      ++change.channels[i % channels];
      ++change.pixels[i / channels];
    }
  }
}

void add(std::vector<int64_t>& into, const std::vector<int64_t>& from) {
  std::transform(into.begin(), into.end(), from.begin(), into.begin(), std::plus<>());
}

void add(std::vector<TensorChange>& into, const std::vector<TensorChange>& from) {
  for (size_t t = 0; t < into.size(); ++t) {
    into[t].examined += from[t].examined;
    into[t].last += from[t].last;
    add(into[t].channels, from[t].channels);
    add(into[t].pixels, from[t].pixels);
  }
}

void add_elements(WhatIfCase& result, const BrokenNetwork& hardware) {
  for (const std::string& element : hardware.elements) {
    const auto effects =
        campaign::named_faults(hardware.network, nullptr, {element}, {{element}}, element)
            .effects(0);
    result.faults.push_back(
        {element, describe(effects, hardware.network), "the weight has that bit already"});
  }
}

void add_map(WhatIfCase& result, const BrokenNetwork& hardware) {
  const SiteIndex sites(hardware.placement, hardware.network);
  for (const Fault& fault : hardware.map.faults) {
    const FaultMap single{hardware.map.accelerator, {fault}};
    result.faults.push_back(
        {name(fault),
         describe(lower(single, hardware.placement, hardware.network), hardware.network),
         masked_text(fault)});
  }
  for (const auto& grid : report::fault_grids(hardware.map, sites)) {
    result.pictures.push_back(report::svg_picture(grid));
  }
  result.memories = report::memory_summary(hardware.map, sites);
}

}  // namespace

namespace {

/// The effects in a run of `images` images alone: transients see its end sooner than a longer one,
/// and what comes after it is not in it.
Effects effects_in_run(const BrokenNetwork& hardware, int images) {
  const auto is_flip = [](const Fault& f) { return f.is_flip(); };
  FaultMap map = hardware.map;
  if (std::none_of(map.faults.begin(), map.faults.end(), is_flip)) return hardware.effects;
  const Placement placement = place_on(hardware.accelerator, hardware.network, images);
  const int64_t end = placement.run->cycles();
  map.faults.erase(std::remove_if(map.faults.begin(), map.faults.end(),
                                  [&](const Fault& f) { return f.flip_cycle >= end; }),
                   map.faults.end());
  return lower(map, placement, hardware.network);
}

}  // namespace

CycleRuns::CycleRuns(const BrokenNetwork& hardware, const DataSet& data, int images) {
  if (images == 0 || hardware.accelerator == nullptr) return;
  runs_.emplace_back([&hardware, &data, images] {
    return simulate_in_child(hardware, {hardware.map.accelerator, {}}, {}, data, images);
  });
  runs_.emplace_back([&hardware, &data, images] {
    return simulate_in_child(hardware, hardware.map, effects_in_run(hardware, images), data,
                             images);
  });
}

void CycleRuns::finish(WhatIfCase& result) {
  if (runs_.empty()) return;
  result.healthy_cycles = figures(runs_[0].result());
  result.cycles = figures(runs_[1].result());
}

WhatIfCase examine(const BrokenNetwork& hardware, const DataSet& data,
                   const WhatIfOptions& options) {
  const Network& network = hardware.network;
  WhatIfCase result;
  result.network = network.name;
  result.hash = content_hash(network);
  result.accelerator = hardware.placement.accelerator;
  if (hardware.accelerator == nullptr) {
    add_elements(result, hardware);
  } else {
    add_map(result, hardware);
  }
  result.tensors = no_changes(network);
  const auto images = static_cast<size_t>(data.size());
  result.before.resize(images);
  result.now.resize(images);
  const fast::PackedNetwork packed(network);
  const fast::FaultList faults(packed, {hardware.effects});
  std::mutex mutex;
  fast::for_each_in_parallel(data.size(), options.threads, [&](fast::NextIndex& next) {
    fast::FaultSimulator simulator(faults);
    std::vector<TensorChange> mine = no_changes(network);
    int64_t untouched = 0;
    for (int64_t i = next(); i >= 0; i = next()) {
      fast::Verdict verdict;
      simulator.simulate(input_tensor(network, data, static_cast<int>(i)), i, {&verdict, 1});
      const auto index = static_cast<size_t>(i);
      result.before[index] = static_cast<uint16_t>(simulator.golden().prediction());
      result.now[index] = verdict.prediction;
      if (verdict.last_difference < 0) {
        ++untouched;
      } else {
        ++mine[static_cast<size_t>(verdict.last_difference)].last;
      }
      if (i < options.examined) compare(simulator.golden().tensors(), simulator.tensors(0), mine);
      const std::lock_guard<std::mutex> lock(mutex);
      options.image_done();
    }
    const std::lock_guard<std::mutex> lock(mutex);
    result.untouched += untouched;
    add(result.tensors, mine);
  });
  return result;
}

}  // namespace stuckat::studies
