#include "models/systolic/array_module.h"

#include <ostream>

#include "workloads/reference.h"

namespace stuckat::systolic {

std::ostream& operator<<(std::ostream& stream, const LayerCommand& command) {
  return stream << "layer " << command.index << " at " << command.start;
}

std::ostream& operator<<(std::ostream& stream, const LayerDone& done) {
  return stream << "done at " << done.cycle;
}

ArrayModule::ArrayModule(const sc_core::sc_module_name& name, const Plan& plan,
                         std::vector<ArrayCore>& cores, const Network& network)
    : sc_module(name), plan_(plan), cores_(cores), network_(network) {
  sc_assert(cores.size() == plan.layers.size());
  SC_HAS_PROCESS(ArrayModule);
  SC_THREAD(execute);
}

void ArrayModule::execute() {
  for (;;) {
    const LayerCommand command = commands.read();
    const LayerPlan& layer = plan_.layers[static_cast<size_t>(command.index)];
    const Shape shape = network_.layer(layer.layer).output;
    LayerDone result{
        command.start, {}, {shape, std::vector<int32_t>(static_cast<size_t>(shape.size()))}};
    for (const ProductPlan& product : layer.products) {
      cores_[static_cast<size_t>(command.index)].compute(product, result.cycle, *command.input,
                                                         result.output);
      result.cycle += product.cycles.total();
      result.cycles.load += product.cycles.load;
      result.cycles.stream += product.cycles.stream;
      result.cycles.skew += product.cycles.skew;
      result.cycles.drain += product.cycles.drain;
    }
    done.write(result);
  }
}

ControllerModule::ControllerModule(const sc_core::sc_module_name& name, const Plan& plan,
                                   const Network& network, bool keep_tensors,
                                   std::vector<Image>& images)
    : sc_module(name),
      plan_(plan),
      network_(network),
      read_last_(network.layers.size()),
      images_(images) {
  for (int t = 0; t < network.tensors() && !keep_tensors; ++t) {
    const std::vector<int> readers = network.consumers(t);
    if (!readers.empty()) read_last_[static_cast<size_t>(readers.back())].push_back(t);
  }
  SC_HAS_PROCESS(ControllerModule);
  SC_THREAD(run);
}

void ControllerModule::run() {
  int64_t now = 0;
  int64_t images_done = 0;
  for (Image& image : images_) {
    image.begin = now;
    image.spans.assign(1, {});
    int next = 0;
    auto read = plan_.reads.begin();
    for (int l = 0; l < static_cast<int>(network_.layers.size()); ++l) {
      const Layer& layer = network_.layer(l);
      std::vector<const Tensor*> inputs;
      for (const int tensor : layer.inputs) {
        inputs.push_back(&image.tensors[static_cast<size_t>(tensor)]);
      }
      const int64_t start = now;
      if (layer.part() == HardwarePart::pe_array) {
        commands.write({next++, now, inputs.front()});
        LayerDone result = done.read();
        now = result.cycle;
        image.tensors.push_back(std::move(result.output));
      } else {
        image.tensors.push_back(reference::run_layer(layer, inputs));
        if (read != plan_.reads.end() && read->layer == l) now += (read++)->cycles;
      }
      image.spans.push_back(now > start ? CycleSpan{start, now - 1} : CycleSpan{});
      for (const int tensor : read_last_[static_cast<size_t>(l)]) {
        image.tensors[static_cast<size_t>(tensor)].values = {};
      }
    }
    image.end = now;
    if (on_image) on_image(++images_done);
  }
}

}  // namespace stuckat::systolic
