#include "models/loopback/controller_module.h"

#include <utility>

namespace stuckat::loopback {

ControllerModule::ControllerModule(const sc_core::sc_module_name& name,
                                   const LoopbackAccelerator& accelerator, const LoopbackPlan& plan,
                                   const std::vector<Tensor>& inputs, Sink sink)
    : sc_module(name),
      accelerator_(accelerator),
      plan_(plan),
      inputs_(inputs),
      sink_(std::move(sink)) {
  SC_HAS_PROCESS(ControllerModule);
  SC_THREAD(control);
}

void ControllerModule::control() {
  for (int image = 0; image < static_cast<int>(inputs_.size()); ++image) run_image(image);
}

void ControllerModule::run_image(int image) {
  ImageCycles cycles;
  cycles.load = move(plan_.input_bytes);
  load(image);
  // The program is one tile ahead of the array: the first tile was requested with the image before.
  if (image == 0) request_tiles(plan_.layers.front(), 0, 1);
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
    activations->swap();
  }
  cycles.store = move(plan_.output_bytes);
  images_.push_back(cycles);
}

/// Moves activations from or to memory; returns how long that took.
int64_t ControllerModule::move(int64_t bytes) {
  program.write({Transfer::Kind::activations, bytes, now_});
  const int64_t start = std::exchange(now_, moved.read());
  return now_ - start;
}

void ControllerModule::load(int image) {
  const Tensor& input = inputs_[static_cast<size_t>(image)];
  activations->open(plan_.input_tensor);
  const int channels = input.shape.channels;
  for (int pixel = 0; pixel < input.shape.pixels(); ++pixel) {
    activations->write(pixel, 0, channels, input.values.data() + pixel * channels);
  }
  sink_(image, plan_.input_tensor, activations->written());
  activations->swap();
}

void ControllerModule::request_tiles(const LayerPlan& layer, size_t first, size_t last) {
  for (size_t t = first; t < last; ++t) {
    program.write({Transfer::Kind::weights, layer.tiles[t].bytes, 0});
  }
}

}  // namespace stuckat::loopback
