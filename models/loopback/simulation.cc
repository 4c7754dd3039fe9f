#include "models/loopback/simulation.h"

#include <algorithm>
#include <cassert>
#include <memory>
#include <stdexcept>
#include <systemc>

#include "faultmaps/mitigation/protection.h"
#include "models/loopback/activation_plan.h"
#include "models/loopback/elaboration_module.h"
#include "models/loopback/placement.h"
#include "models/memory/memory_module.h"
#include "models/memory/tensor_places.h"
#include "sim/kernel/run.h"
#include "workloads/errors.h"
#include "workloads/reference.h"

namespace stuckat::loopback {
namespace {

void check_images(const Network& network, const std::vector<Tensor>& images) {
  if (images.empty()) throw InputError(network.name, "no image to run", "at least one");
  for (const Tensor& image : images) {
    const bool fits = image.shape == network.input() &&
                      image.values.size() == static_cast<size_t>(image.shape.size());
    if (!fits) throw InputError(network.name, "an image of another shape", "the network's input");
  }
}

/// Layers first .. last-1 as the host's software computes them, from the tensor that the first
/// reads.
void run_on_host(const Network& network, int first, int last, std::vector<Tensor>& tensors) {
  for (int i = first; i < last; ++i) {
    tensors[static_cast<size_t>(network.output_tensor(i))] = reference::run_layer(
        network.layer(i), tensors[static_cast<size_t>(network.input_tensor(i))]);
  }
}

/// What a transfer moves, by its address.
std::string name_of(const memory::Transfer& transfer, const Job& job, const LoopbackPlan& plan,
                    const Network& network) {
  const auto number = [&](uint64_t first, int64_t bytes) {
    return std::to_string((transfer.address - first) / static_cast<uint64_t>(bytes));
  };
  if (transfer.address >= job.results_at) {
    return "result " + number(job.results_at, plan.output_bytes);
  }
  if (transfer.address >= job.images_at) return "image " + number(job.images_at, plan.input_bytes);
  for (const LayerPlan& layer : plan.layers) {
    for (size_t t = 0; t < layer.tiles.size(); ++t) {
      if (static_cast<uint64_t>(layer.tiles[t].offset) != transfer.address) continue;
      const std::string name = network.layers[static_cast<size_t>(layer.layer)].name + ": weights";
      if (layer.tiles.size() == 1) return name;
      return name + " " + std::to_string(t + 1) + " of " + std::to_string(layer.tiles.size());
    }
  }
  return "";
}

int64_t operations(const Layer& layer) {
  return int64_t{layer.rows()} * layer.columns() * layer.output.pixels();
}

void fill_layers(const Network& network, const LoopbackAccelerator& accelerator,
                 const LoopbackPlan& plan, LoopbackResult& result) {
  const int64_t lanes = accelerator.pe * accelerator.simd;
  int64_t in_all = 0;
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const LayerPlan& layer = plan.layers[i];
    const Layer& source = network.layers[static_cast<size_t>(layer.layer)];
    LoopbackLayerResult row;
    row.layer = layer.layer;
    row.name = source.name;
    row.cycles = result.images.back().layers[i];
    row.weight_bytes = layer.bytes();
    row.tiles = static_cast<int>(layer.tiles.size());
    row.operations = operations(source);
    row.utilisation =
        static_cast<double>(row.operations) / static_cast<double>(lanes * row.cycles.total());
    in_all += row.operations;
    result.bytes_per_image += row.weight_bytes;
    result.layers.push_back(row);
  }
  for (size_t i = 0; i < plan.moves.size(); ++i) {
    const int layer = plan.moves[i].layer;
    LoopbackLayerResult row;
    row.layer = layer;
    row.name = network.layer(layer).name;
    row.cycles = result.images.back().moves[i];
    result.moves.push_back(row);
  }
  const auto slowest = std::max_element(
      result.layers.begin(), result.layers.end(),
      [](const auto& a, const auto& b) { return a.cycles.total() < b.cycles.total(); });
  result.slowest_layer = slowest->name;
  result.input_bytes = plan.input_bytes;
  result.output_bytes = plan.output_bytes;
  result.bytes_per_image += plan.input_bytes + plan.output_bytes;
  const double images = static_cast<double>(result.images.size());
  result.utilisation = images * static_cast<double>(in_all) /
                       (static_cast<double>(lanes) * static_cast<double>(result.total_cycles));
}

/// What the array did, and what took most of the time.
void fill_array(LoopbackResult& result) {
  ModuleStatistics array{"array"};
  int64_t moving = 0;
  for (const ImageCycles& image : result.images) {
    array.starved_cycles += image.load;
    array.blocked_cycles += image.store;
    for (const LayerCycles& layer : image.layers) {
      array.busy_cycles += layer.steps;
      array.memory_cycles += layer.waiting;
      array.control_cycles += layer.control;
      array.draining_cycles += layer.pipeline;
    }
    for (const LayerCycles& move : image.moves) {
      moving += move.steps;
      array.control_cycles += move.control;
      array.draining_cycles += move.pipeline;
    }
  }
  const int64_t on_memory = array.memory_cycles + array.starved_cycles + array.blocked_cycles;
  const int64_t on_control = array.control_cycles + array.draining_cycles;
  array.starved_cycles += moving;
  assert(array.total_cycles() == result.total_cycles);
  result.bottleneck = "array";
  if (on_memory > std::max({array.busy_cycles, on_control, moving}))
    result.bottleneck = "memory";
  else if (moving > std::max(array.busy_cycles, on_control))
    result.bottleneck = "buffers";
  else if (on_control > array.busy_cycles)
    result.bottleneck = "control";
  result.modules.push_back(std::move(array));
}

/// built_in: null where another memory is bound.
void fill_memory(const memory::FetchModule& weight_fetch, const memory::MemoryModule* built_in,
                 LoopbackResult& result) {
  ModuleStatistics fetch{"weight_fetch"};
  fetch.busy_cycles = weight_fetch.busy_cycles();
  fetch.idle_cycles = result.total_cycles - fetch.busy_cycles;
  result.modules.push_back(std::move(fetch));
  if (built_in == nullptr) return;
  ModuleStatistics memory{"memory"};
  memory.busy_cycles = built_in->busy_cycles();
  memory.idle_cycles = result.total_cycles - memory.busy_cycles;
  result.modules.push_back(std::move(memory));
}

}  // namespace

LoopbackResult simulate(const Network& network, const LoopbackAccelerator& accelerator,
                        const FaultMap& map, const std::vector<Tensor>& images,
                        const SimulationOptions& options) {
  validate(network, network.name);
  const Placement placement =
      options.placement != nullptr ? *options.placement : place(accelerator, network);
  const LoopbackPlan plan = make_plan(accelerator, network);
  FaultMap faults = map;
  validate(faults, placement, network, placement.accelerator);
  check_images(network, images);
  if (!kernel::can_elaborate()) {
    throw InputError(placement.accelerator, "a second SystemC run in one process", "one");
  }

  const int last_layer = static_cast<int>(network.layers.size());
  std::vector<std::vector<Tensor>> tensors;
  std::vector<Tensor> inputs;
  for (const Tensor& image : images) {
    tensors.emplace_back(static_cast<size_t>(network.tensors()));
    tensors.back()[0] = image;
    run_on_host(network, 0, plan.input_tensor, tensors.back());
    inputs.push_back(tensors.back()[static_cast<size_t>(plan.input_tensor)]);
  }
  LoopbackResult result;
  ControllerModule::Hooks hooks;
  hooks.input = [&](int64_t image, const std::vector<uint8_t>&) {
    return inputs[static_cast<size_t>(image)];
  };
  hooks.written = [&](int64_t image, int first, const std::vector<Tensor>& written) {
    std::copy(written.begin(), written.end(), tensors[static_cast<size_t>(image)].begin() + first);
  };
  hooks.stored = [&](int64_t image, const ImageCycles& cycles) {
    result.images.push_back(cycles);
    if (options.on_image) options.on_image(image + 1);
  };
  const sc_core::sc_time period(1000.0 / options.memory_clock_mhz, sc_core::SC_NS);
  const FaultMap coded = behind_data_codes(faults, placement, network);
  ElaboratedArray design(
      network, accelerator, placement, plan, coded,
      {accelerator.memory, period,
       options.non_blocking_memory ? memory::Protocol::non_blocking : memory::Protocol::blocking,
       false, options.whole_bursts},
      std::move(hooks));
  std::unique_ptr<memory::MemoryModule> memory;
  if (options.bind_memory) {
    options.bind_memory(design.fetch);
  } else {
    memory = std::make_unique<memory::MemoryModule>("memory", accelerator.memory, period);
    design.fetch.memory.bind(memory->socket);
  }
  const Job job = memory::job_from_address_0(plan.weight_bytes(), plan.input_bytes,
                                             accelerator.memory.burst_bytes,
                                             static_cast<int64_t>(images.size()));
  if (options.transfers) {
    design.fetch.on_served = [&](const memory::Transfer& transfer, int64_t begin, int64_t end) {
      result.transfers.push_back({name_of(transfer, job, plan, network), begin, end});
    };
  }
  sc_core::sc_spawn([&] { result.total_cycles = design.controller.run(job); });
  const std::string waiting = kernel::run_until_quiet({});
  if (!design.fetch.error().empty()) {
    throw InputError(placement.accelerator, design.fetch.error(), "memory at every address");
  }
  if (!design.fetch.unanswered().empty()) {
    throw InputError(placement.accelerator, "memory does not answer " + design.fetch.unanswered(),
                     "an answer");
  }
  if (!waiting.empty() || result.images.size() != images.size()) {
    throw std::logic_error("the controller waits for an answer that does not come");
  }
  result.first_image_cycles = result.images.front().total();
  result.steady_interval_cycles =
      options.bind_memory ? result.images.back().total() : steady_interval(plan, accelerator);
  for (auto& of_image : tensors) {
    run_on_host(network, plan.output_tensor, last_layer, of_image);
    result.logits.push_back(of_image.back().values);
  }
  fill_layers(network, accelerator, plan, result);
  result.buffer_bytes = memory::used_bytes(placement.memories.front(), network);
  fill_array(result);
  fill_memory(design.fetch, memory.get(), result);
  for (const ProtectedCore& core : design.cores) {
    core.add_reports(design.pe_array.name, result.reports);
  }
  if (options.tensors) result.tensors = std::move(tensors);
  return result;
}

LoopbackResult time_images(const Network& network, const LoopbackAccelerator& accelerator,
                           int64_t images) {
  const LoopbackPlan plan = make_plan(accelerator, network);
  LoopbackResult result;
  result.images = cycles_for(plan, accelerator, static_cast<int>(images));
  for (const ImageCycles& image : result.images) result.total_cycles += image.total();
  result.first_image_cycles = result.images.front().total();
  result.steady_interval_cycles = steady_interval(plan, accelerator);
  fill_layers(network, accelerator, plan, result);
  result.buffer_bytes = memory::used_bytes(place(accelerator, network).memories.front(), network);
  fill_array(result);
  return result;
}

}  // namespace stuckat::loopback
