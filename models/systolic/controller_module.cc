#include "models/systolic/controller_module.h"

#include <utility>

#include "models/memory/stored_tensor.h"
#include "workloads/reference.h"

namespace stuckat::systolic {

ControllerModule::ControllerModule(const sc_core::sc_module_name& name, const Plan& plan,
                                   const Network& network, const UnifiedBuffer& buffer,
                                   bool fetches, bool keep_tensors, Hooks hooks)
    : sc_module(name),
      plan_(plan),
      network_(network),
      buffer_(buffer),
      fetches_(fetches),
      hooks_(std::move(hooks)),
      read_last_(network.layers.size()) {
  for (int t = 0; t < network.tensors() && !keep_tensors; ++t) {
    const std::vector<int> readers = network.consumers(t);
    if (!readers.empty()) read_last_[static_cast<size_t>(readers.back())].push_back(t);
  }
}

int64_t ControllerModule::run(const Job& job) {
  job_ = job;
  now_ = job.start;
  for (int64_t image = 0; image < job.images; ++image) {
    if (hooks_.stopped && hooks_.stopped()) break;
    run_image(image);
  }
  return now_;
}

/// Moves activations from or to memory.
memory::Moved ControllerModule::move(int64_t bytes, uint64_t address, std::vector<uint8_t> store) {
  program.write({memory::Transfer::Kind::activations, bytes, now_, address, std::move(store)});
  memory::Moved result = moved.read();
  now_ = result.cycle;
  return result;
}

/// All of the image: the program has room for them.
void ControllerModule::request_weights() {
  for (const LayerPlan& layer : plan_.layers) {
    for (const ProductPlan& product : layer.products) {
      for (const int number : product.fetches) {
        const WeightTile& tile = layer.weights[static_cast<size_t>(number)];
        program.write({memory::Transfer::Kind::weights,
                       tile.bytes,
                       0,
                       job_.tiles_at + static_cast<uint64_t>(tile.offset),
                       {}});
      }
    }
  }
}

/// The next tensor of the image, as it is read from now on.
void ControllerModule::keep(ImageRun& image, Tensor tensor) const {
  const auto index = static_cast<int>(image.tensors.size());
  image.tensors.push_back(buffer_.read(index, std::move(tensor)));
}

void ControllerModule::run_image(int64_t number) {
  const auto nth = static_cast<uint64_t>(number);
  ImageRun image;
  image.begin = now_;
  image.tensors.reserve(static_cast<size_t>(network_.tensors()));
  memory::Moved loaded;
  if (fetches_) {
    loaded = move(plan_.input_bytes,
                  job_.images_at + nth * static_cast<uint64_t>(plan_.input_bytes), {});
    request_weights();
  }
  image.load = now_ - image.begin;
  keep(image, hooks_.input(number, loaded.bytes));
  image.spans.emplace_back();
  auto read = plan_.reads.begin();
  for (int l = 0; l < static_cast<int>(network_.layers.size()); ++l) {
    const Layer& layer = network_.layer(l);
    std::vector<const Tensor*> inputs;
    for (const int tensor : layer.inputs) {
      inputs.push_back(&image.tensors[static_cast<size_t>(tensor)]);
    }
    const int64_t start = now_;
    if (layer.part() == HardwarePart::pe_array) {
      commands.write({static_cast<int>(image.layers.size()), now_, job_.origin, inputs.front()});
      LayerDone result = done.read();
      now_ = result.cycle;
      image.layers.push_back(result.cycles);
      keep(image, std::move(result.output));
    } else {
      keep(image, reference::run_layer(layer, inputs));
      if (read != plan_.reads.end() && read->layer == l) now_ += (read++)->cycles;
    }
    image.spans.push_back(now_ > start ? CycleSpan{start, now_ - 1} : CycleSpan{});
    for (const int tensor : read_last_[static_cast<size_t>(l)]) {
      image.tensors[static_cast<size_t>(tensor)].values = {};
    }
  }
  const int64_t computed = now_;
  if (fetches_) {
    move(plan_.output_bytes, job_.results_at + nth * static_cast<uint64_t>(plan_.output_bytes),
         memory::stored_tensor(network_, network_.tensors() - 1, image.tensors.back()));
  }
  image.store = now_ - computed;
  image.end = now_;
  hooks_.stored(number, std::move(image));
}

}  // namespace stuckat::systolic
