#include "models/systolic/simulation.h"

#include <algorithm>
#include <stdexcept>
#include <systemc>

#include "models/common/trace_writer.h"
#include "models/systolic/array_module.h"
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
  constexpr size_t weights_row = 4;
  for (size_t i = 0; i < std::size(corners); ++i) {
    out.name_row(Process::parts, i, corners[i].name);
  }
  out.name_row(Process::parts, weights_row, "weights enter");
  out.name_row(Process::layers, 0, "images");
  out.name_row(Process::layers, 1, "layers");
  for (int64_t image = 0; image < images; ++image) {
    const int64_t origin = image * plan.image_cycles;
    out.slice(Process::layers, 0, "image " + std::to_string(image), origin,
              origin + plan.image_cycles);
    for (const LayerPlan& layer : plan.layers) {
      const std::string& name = network.layer(layer.layer).name;
      const SystolicMap map(array, network.layer(layer.layer));
      int64_t end = origin + layer.products.front().start;
      for (const ProductPlan& product : layer.products) {
        const int64_t begin = origin + product.start;
        const bool outputs = array.dataflow == SystolicDataflow::output_stationary;
        const int64_t tiles =
            int64_t{map.channel_tiles()} * (outputs ? map.pixel_tiles() : map.sum_tiles());
        const int64_t works = outputs ? product.gemm.k : product.gemm.m;
        const auto times = tile_times(array, product.gemm, tiles);
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

}  // namespace

SimulationResult time_images(const Network& network, const SystolicAccelerator& accelerator,
                             int64_t images) {
  const Plan plan = make_plan(accelerator, network);
  SimulationResult result;
  result.first_image_cycles = plan.image_cycles;
  result.interval_cycles = plan.image_cycles;
  result.total_cycles = images * plan.image_cycles;
  result.bottleneck = "array";
  ModuleStatistics array{"array"};
  const auto add_layer = [&](int layer, const GemmCycles& c, double utilisation, int64_t tiles,
                             int64_t macs) {
    result.layers.push_back({network.layer(layer).name,
                             c.total(),
                             utilisation,
                             {{"load", c.load, 10},
                              {"stream", c.stream, 10},
                              {"skew", c.skew, 8},
                              {"drain", c.drain, 8}},
                             {{"tiles", tiles, 8}, {"MACs", macs}}});
  };
  auto read = plan.reads.begin();
  const auto add_reads = [&](int before) {
    for (; read != plan.reads.end() && read->layer < before; ++read) {
      array.starved_cycles += images * read->cycles;
      add_layer(read->layer, {0, read->cycles, 0, 0}, 0, 0, 0);
    }
  };
  for (const LayerPlan& layer : plan.layers) {
    add_reads(layer.layer);
    const GemmCycles& c = layer.cycles;
    array.busy_cycles += images * c.stream;
    array.memory_cycles += images * c.load;
    array.draining_cycles += images * (c.skew + c.drain);
    add_layer(layer.layer, c, layer.overall_utilisation, layer.tiles, layer.macs);
  }
  add_reads(network.tensors());
  result.modules = {array};
  if (!is_chain(network)) {
    result.notes.push_back("the unified buffer holds at most " +
                           std::to_string((buffer_bits(network) + 7) / 8) +
                           " bytes: tensors stay until their last reader");
  }
  return result;
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
  std::vector<ArrayCore> cores;
  for (const int layer : array.layers) {
    cores.emplace_back(array, network.layer(layer));
    for (const Fault& fault : faults.faults) cores.back().arm(fault);
  }
  std::vector<ControllerModule::Image> runs;
  for (const Tensor& image : images) {
    runs.push_back({{image}, 0, 0, {}});
    runs.back().tensors.reserve(static_cast<size_t>(network.tensors()));
  }
  ArrayModule array_module("array", plan, cores, network);
  ControllerModule controller("controller", plan, network, recording.tensors, runs);
  sc_core::sc_fifo<LayerCommand> commands("commands");
  sc_core::sc_fifo<LayerDone> done("done");
  array_module.commands(commands);
  array_module.done(done);
  controller.commands(commands);
  controller.done(done);
  controller.on_image = recording.progress;
  kernel::run_until_quiet({});
  if (runs.back().tensors.size() != static_cast<size_t>(network.tensors())) {
    throw std::logic_error("the controller waits for an answer that does not come");
  }
  SimulationResult result = time_images(network, accelerator, static_cast<int64_t>(images.size()));
  result.first_image_cycles = runs.front().end - runs.front().begin;
  result.total_cycles = runs.back().end;
  if (recording.trace != nullptr) {
    write_trace(*recording.trace, network, plan, array, static_cast<int64_t>(images.size()));
  }
  if (recording.spans) {
    result.spans = runs.back().spans;
  }
  for (auto& run : runs) {
    result.logits.push_back(run.tensors.back().values);
    if (recording.tensors) result.tensors.push_back(std::move(run.tensors));
  }
  return result;
}

}  // namespace stuckat::systolic
