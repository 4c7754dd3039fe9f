#include "models/loopback/controller_module.h"

#include <utility>

#include "models/loopback/stored_tensor.h"

namespace stuckat::loopback {

ControllerModule::ControllerModule(const sc_core::sc_module_name& name, const Network& network,
                                   const LoopbackAccelerator& accelerator, const LoopbackPlan& plan,
                                   const std::vector<Tensor>& inputs, Sink sink)
    : sc_module(name),
      network_(network),
      accelerator_(accelerator),
      plan_(plan),
      inputs_(inputs),
      sink_(std::move(sink)) {
  for (const LayerPlan& layer : plan_.layers) {
    tiles_.emplace_back();
    for (const WeightTile& tile : layer.tiles) {
      tiles_.back().push_back(weights_end_);
      weights_end_ += static_cast<uint64_t>(tile.bytes);
    }
  }
  SC_HAS_PROCESS(ControllerModule);
  SC_THREAD(control);
}

uint64_t ControllerModule::input_address(int image) const {
  const auto burst = static_cast<uint64_t>(accelerator_.memory.burst_bytes);
  return (weights_end_ + burst - 1) / burst * burst +
         static_cast<uint64_t>(image) * static_cast<uint64_t>(plan_.input_bytes);
}

uint64_t ControllerModule::output_address(int image) const {
  const auto burst = static_cast<uint64_t>(accelerator_.memory.burst_bytes);
  const uint64_t inputs_end = input_address(static_cast<int>(inputs_.size()));
  return (inputs_end + burst - 1) / burst * burst +
         static_cast<uint64_t>(image) * static_cast<uint64_t>(plan_.output_bytes);
}

void ControllerModule::control() {
  for (int image = 0; image < static_cast<int>(inputs_.size()); ++image) run_image(image);
}

void ControllerModule::run_image(int image) {
  ImageCycles cycles;
  cycles.load = move(plan_.input_bytes, input_address(image));
  load(image);
  // The program is one tile ahead of the array: the first tile was requested with the image before.
  if (image == 0) request_tiles(plan_.layers.front(), 0, 1);
  std::vector<uint8_t> result;
  const bool last_image = image + 1 == static_cast<int>(inputs_.size());
  for (size_t i = 0; i < plan_.layers.size(); ++i) {
    const LayerPlan& layer = plan_.layers[i];
    activations->open(layer.layer + 1);
    now_ += accelerator_.control_cycles;
    commands.write({static_cast<int>(i), now_});
    request_tiles(layer, 1, layer.tiles.size());
    const bool last_layer = i + 1 == plan_.layers.size();
    if (!last_layer || !last_image) {
      request_tiles(plan_.layers[last_layer ? 0 : i + 1], 0, 1);
    }
    LayerDone layer_done = done.read();
    now_ = layer_done.cycle;
    layer_done.cycles.control = accelerator_.control_cycles;
    cycles.layers.push_back(layer_done.cycles);
    sink_(image, layer.layer + 1, activations->written());
    if (last_layer) {
      result = stored_tensor(network_, plan_.output_tensor, activations->written().back());
    }
    activations->swap();
  }
  cycles.store = move(plan_.output_bytes, output_address(image), std::move(result));
  images_.push_back(cycles);
}

/// Moves activations from or to memory; returns how long that took.
int64_t ControllerModule::move(int64_t bytes, uint64_t address, std::vector<uint8_t> store) {
  program.write({Transfer::Kind::activations, bytes, now_, address, std::move(store)});
  const int64_t start = std::exchange(now_, moved.read());
  return now_ - start;
}

void ControllerModule::load(int image) {
  const Tensor& input = inputs_[static_cast<size_t>(image)];
  activations->begin_image();
  activations->open(plan_.input_tensor);
  const int channels = input.shape.channels;
  for (int pixel = 0; pixel < input.shape.pixels(); ++pixel) {
    activations->write(pixel, 0, channels, input.values.data() + pixel * channels);
  }
  sink_(image, plan_.input_tensor, activations->written());
  activations->swap();
}

void ControllerModule::request_tiles(const LayerPlan& layer, size_t first, size_t last) {
  const auto& addresses = tiles_[static_cast<size_t>(&layer - plan_.layers.data())];
  for (size_t t = first; t < last; ++t) {
    program.write({Transfer::Kind::weights, layer.tiles[t].bytes, 0, addresses[t], {}});
  }
}

}  // namespace stuckat::loopback
