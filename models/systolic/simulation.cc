#include "models/systolic/simulation.h"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <systemc>

#include "models/common/trace_writer.h"
#include "models/memory/memory_module.h"
#include "models/systolic/elaboration_module.h"
#include "models/systolic/unified_buffer.h"
#include "sim/kernel/run.h"
#include "workloads/capabilities.h"
#include "workloads/errors.h"

namespace stuckat::systolic {
namespace {

void check_images(const Network& network, const std::vector<Tensor>& images) {
  if (images.empty()) throw InputError(network.name, "no image to run", "at least one");
  for (const Tensor& image : images) {
    const bool fits = image.shape == network.input() &&
                      image.values.size() == static_cast<size_t>(image.shape.size());
    if (!fits) throw InputError(network.name, "an image of another shape", "the network's input");
  }
}

/// The wave of each tile as it reaches the corners of the array, image by image.
void write_trace(std::ostream& file, const Network& network, const Plan& plan,
                 const SystolicArray& array, int64_t images) {
  using Process = TraceWriter::Process;
  TraceWriter out(file);
  out.name_process(Process::parts, "corners of the array");
  out.name_process(Process::layers, "layers");
  struct Corner {
    const char* name;
    int64_t delay;
  };
  const Corner corners[] = {{"row 0, column 0", 0},
                            {"row 0, last column", array.columns - 1},
                            {"last row, column 0", array.rows - 1},
                            {"last row, last column", array.rows + array.columns - 2}};
  constexpr size_t weights_row = 4, memory_row = 5;
  for (size_t i = 0; i < std::size(corners); ++i) {
    out.name_row(Process::parts, i, corners[i].name);
  }
  out.name_row(Process::parts, weights_row, "weights enter");
  if (plan.load_cycles > 0) out.name_row(Process::parts, memory_row, "off-chip memory");
  out.name_row(Process::layers, 0, "images");
  out.name_row(Process::layers, 1, "layers");
  for (int64_t image = 0; image < images; ++image) {
    const int64_t origin = image * plan.image_cycles;
    out.slice(Process::layers, 0, "image " + std::to_string(image), origin,
              origin + plan.image_cycles);
    if (plan.load_cycles > 0) {
      const int64_t end = origin + plan.image_cycles;
      out.slice(Process::parts, memory_row, "image", origin, origin + plan.load_cycles);
      out.slice(Process::parts, memory_row, "result", end - plan.store_cycles, end);
    }
    for (const LayerPlan& layer : plan.layers) {
      const std::string& name = network.layer(layer.layer).name;
      int64_t end = origin + layer.products.front().start;
      for (const ProductPlan& product : layer.products) {
        const int64_t begin = origin + product.start;
        const bool outputs = array.dataflow == SystolicDataflow::output_stationary;
        const int64_t works = outputs ? product.gemm.k : product.gemm.m;
        const auto& times = product.tiles;
        for (size_t t = 0; t < times.size(); ++t) {
          const std::string tile = name + " tile " + std::to_string(t);
          for (size_t i = 0; i < std::size(corners); ++i) {
            const int64_t from = begin + times[t].start + corners[i].delay;
            out.slice(Process::parts, i, tile, from, from + works);
          }
          if (array.weights_stay()) {
            out.slice(Process::parts, weights_row, tile, begin + times[t].load,
                      begin + times[t].load + array.rows);
          }
        }
        end = begin + product.cycles.total();
      }
      out.slice(Process::layers, 1, name, origin + layer.products.front().start, end);
    }
    for (const ReadPlan& read : plan.reads) {
      const int64_t begin = origin + read.start;
      out.slice(Process::layers, 1, network.layer(read.layer).name, begin, begin + read.cycles);
    }
  }
  out.finish();
}

/// load, store and the cycles of the plan's layers: of the last image.
SimulationResult result_of(const Network& network, const SystolicAccelerator& accelerator,
                           const Plan& plan, int64_t images, int64_t load, int64_t store,
                           const std::vector<GemmCycles>& cycles) {
  SimulationResult result;
  result.first_image_cycles = plan.image_cycles;
  result.interval_cycles = plan.image_cycles;
  result.total_cycles = images * plan.image_cycles;
  const bool fetches = accelerator.memory.has_value();
  ModuleStatistics array{"array"};
  array.starved_cycles = images * load;
  array.blocked_cycles = images * store;
  int64_t bytes = plan.input_bytes + plan.output_bytes;
  int64_t on_memory = load + store, computing = 0;
  const auto add_layer = [&](int layer, const GemmCycles& c, const LayerPlan* row) {
    LayerStatistics line{
        network.layer(layer).name,
        c.total(),
        row == nullptr ? 0 : row->overall_utilisation,
        {{"load", c.load, 10},
         {"stream", c.stream, 10},
         {"skew", c.skew, 8},
         {"drain", c.drain, 8}},
        {{"tiles", row == nullptr ? 0 : row->tiles, 8}, {"MACs", row == nullptr ? 0 : row->macs}}};
    if (fetches) {
      line.summands.push_back({"for weights", c.waiting});
      line.quantities.push_back({"weight bytes", row == nullptr ? 0 : row->fetched_bytes});
    }
    result.layers.push_back(std::move(line));
  };
  auto read = plan.reads.begin();
  const auto add_reads = [&](int before) {
    for (; read != plan.reads.end() && read->layer < before; ++read) {
      array.starved_cycles += images * read->cycles;
      add_layer(read->layer, {0, read->cycles, 0, 0}, nullptr);
    }
  };
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    const LayerPlan& layer = plan.layers[l];
    add_reads(layer.layer);
    const GemmCycles& c = cycles[l];
    array.busy_cycles += images * c.stream;
    array.memory_cycles += images * (c.load + c.waiting);
    array.draining_cycles += images * (c.skew + c.drain);
    on_memory += c.waiting;
    computing += c.total() - c.waiting;
    bytes += layer.fetched_bytes;
    add_layer(layer.layer, c, &layer);
  }
  add_reads(network.tensors());
  result.bottleneck = on_memory > computing ? "memory" : "array";
  result.modules = {array};
  if (fetches) {
    result.notes.push_back("off-chip memory moves " + std::to_string(bytes) +
                           " bytes for an image: " + std::to_string(plan.input_bytes) + " of it, " +
                           std::to_string(plan.output_bytes) + " of its result, " +
                           std::to_string(bytes - plan.input_bytes - plan.output_bytes) +
                           " of weights and thresholds");
  }
  if (!is_chain(network)) {
    result.notes.push_back("the unified buffer holds at most " +
                           std::to_string(unified_buffer(network).bytes) +
                           " bytes: tensors stay until their last reader");
  }
  return result;
}

}  // namespace

SimulationResult time_images(const Network& network, const SystolicAccelerator& accelerator,
                             int64_t images) {
  const Plan plan = make_plan(accelerator, network);
  std::vector<GemmCycles> cycles;
  for (const LayerPlan& layer : plan.layers) cycles.push_back(layer.cycles);
  return result_of(network, accelerator, plan, images, plan.load_cycles, plan.store_cycles, cycles);
}

SimulationResult simulate(const Network& network, const SystolicAccelerator& accelerator,
                          const FaultMap& map, const std::vector<Tensor>& images,
                          const Recording& recording) {
  validate(network, network.name);
  const Placement placement = place(accelerator, network);
  const SystolicArray array = array_of(accelerator, network);
  const Plan plan = make_plan(accelerator, network);
  FaultMap faults = map;
  validate(faults, placement, network, placement.accelerator);
  check_images(network, images);
  if (!kernel::can_elaborate()) {
    throw InputError(placement.accelerator, "a second SystemC run in one process", "one");
  }
  std::vector<ImageRun> runs;
  ControllerModule::Hooks hooks;
  hooks.input = [&](int64_t image, const std::vector<uint8_t>&) {
    return images[static_cast<size_t>(image)];
  };
  hooks.stored = [&](int64_t image, ImageRun run) {
    runs.push_back(std::move(run));
    if (recording.progress) recording.progress(image + 1);
  };
  const sc_core::sc_time period(10, sc_core::SC_NS);
  const memory::FetchParams fetch{accelerator.memory.value_or(memory::MemoryParams{}), period};
  ElaboratedArray design(network, accelerator, array, plan, faults,
                         accelerator.memory ? &fetch : nullptr, recording.tensors,
                         std::move(hooks));
  std::unique_ptr<memory::MemoryModule> off_chip;
  if (design.fetch) {
    off_chip = std::make_unique<memory::MemoryModule>("memory", fetch.memory, period);
    design.fetch->memory.bind(off_chip->socket);
  }
  design.restart();
  const Job job =
      memory::job_from_address_0(plan.weight_bytes(), plan.input_bytes, fetch.memory.burst_bytes,
                                 static_cast<int64_t>(images.size()));
  sc_core::sc_spawn([&] { design.controller.run(job); });
  kernel::run_until_quiet({});
  if (runs.size() != images.size()) {
    throw std::logic_error("the controller waits for an answer that does not come");
  }
  const ImageRun& last = runs.back();
  SimulationResult result =
      result_of(network, accelerator, plan, static_cast<int64_t>(images.size()), last.load,
                last.store, last.layers);
  result.first_image_cycles = runs.front().total();
  result.total_cycles = last.end;
  if (recording.trace != nullptr) {
    write_trace(*recording.trace, network, plan, array, static_cast<int64_t>(images.size()));
  }
  if (recording.spans) result.spans = last.spans;
  for (auto& run : runs) {
    result.logits.push_back(run.tensors.back().values);
    if (recording.tensors) result.tensors.push_back(std::move(run.tensors));
  }
  return result;
}

}  // namespace stuckat::systolic
