#include "models/loopback/controller_module.h"

#include <utility>

#include "models/memory/stored_tensor.h"

namespace stuckat::loopback {

ControllerModule::ControllerModule(const sc_core::sc_module_name& name, const Network& network,
                                   const LoopbackAccelerator& accelerator, const LoopbackPlan& plan,
                                   Hooks hooks)
    : sc_module(name),
      network_(network),
      accelerator_(accelerator),
      plan_(plan),
      hooks_(std::move(hooks)) {}

int64_t ControllerModule::run(const Job& job) {
  job_ = job;
  now_ = job.start;
  // The program is one tile ahead of the array: an image's first tile is requested with the image
  // before, and so an image that was announced has to be run.
  bool announced = false;
  for (int64_t image = 0; image == 0 || announced; ++image) announced = run_image(image, announced);
  return now_;
}

/// Whether the first tile of a further image was requested.
bool ControllerModule::run_image(int64_t image, bool first_tile_is_there) {
  ImageCycles cycles;
  memory::Moved moved_bytes;
  const uint64_t index = static_cast<uint64_t>(image);
  cycles.load =
      move(plan_.input_bytes, job_.images_at + index * static_cast<uint64_t>(plan_.input_bytes), {},
           moved_bytes);
  load(image, moved_bytes.bytes);
  if (!first_tile_is_there) request_tiles(0, 0, 1);
  bool more = false;
  next_move_ = 0;
  for (size_t i = 0; i < plan_.layers.size(); ++i) {
    move_before(i, image, cycles);
    const LayerPlan& layer = plan_.layers[i];
    activations->open(network_.output_tensor(layer.layer));
    now_ += accelerator_.control_cycles;
    commands.write({static_cast<int>(i), now_, job_.origin});
    request_tiles(i, 1, layer.tiles.size());
    const bool last_layer = i + 1 == plan_.layers.size();
    if (last_layer) more = image + 1 < job_.images && !(hooks_.stopped && hooks_.stopped());
    if (!last_layer || more) request_tiles(last_layer ? 0 : i + 1, 0, 1);
    LayerDone layer_done = done.read();
    now_ = layer_done.cycle;
    layer_done.cycles.control = accelerator_.control_cycles;
    cycles.layers.push_back(layer_done.cycles);
    keep(image, network_.output_tensor(layer.layer));
  }
  move_before(plan_.layers.size(), image, cycles);
  cycles.store =
      move(plan_.output_bytes, job_.results_at + index * static_cast<uint64_t>(plan_.output_bytes),
           std::move(result_), moved_bytes);
  hooks_.stored(image, cycles);
  return more;
}

/// Layers that move tensors from buffer to buffer before the array goes on with one of the plan.
void ControllerModule::move_before(size_t layer, int64_t image, ImageCycles& cycles) {
  for (; next_move_ < plan_.moves.size(); ++next_move_) {
    const MovePlan& next = plan_.moves[next_move_];
    if (static_cast<size_t>(next.before) != layer) return;
    activations->move(next.layer);
    cycles.moves.push_back(
        {accelerator_.control_cycles, 0, next.cycles, accelerator_.pipeline_cycles});
    now_ += cycles.moves.back().total();
    keep(image, network_.output_tensor(next.layer));
  }
}

/// What was written, tensors `first` and those after it, can be read.
void ControllerModule::keep(int64_t image, int first) {
  const std::vector<Tensor>& written = activations->written();
  if (hooks_.written) hooks_.written(image, first, written);
  if (first + static_cast<int>(written.size()) > plan_.output_tensor) {
    result_ = memory::stored_tensor(network_, plan_.output_tensor, written.back());
  }
  activations->keep();
}

/// Moves activations from or to memory; returns how long that took.
int64_t ControllerModule::move(int64_t bytes, uint64_t address, std::vector<uint8_t> store,
                               memory::Moved& result) {
  program.write({memory::Transfer::Kind::activations, bytes, now_, address, std::move(store)});
  result = moved.read();
  const int64_t start = std::exchange(now_, result.cycle);
  return now_ - start;
}

void ControllerModule::load(int64_t image, const std::vector<uint8_t>& bytes) {
  const Tensor input = hooks_.input(image, bytes);
  activations->begin_image();
  activations->open(plan_.input_tensor);
  const int channels = input.shape.channels;
  const int64_t loaded = now_ - job_.origin;  // cycle of the run
  for (int pixel = 0; pixel < input.shape.pixels(); ++pixel) {
    activations->write(pixel, 0, channels, input.values.data() + pixel * channels, loaded - 1);
  }
  // Flips in the first cycle in which it is there hit what is read, not what was loaded.
  activations->close(loaded - 1);
  keep(image, plan_.input_tensor);
}

void ControllerModule::request_tiles(size_t layer, size_t first, size_t last) {
  const std::vector<WeightTile>& tiles = plan_.layers[layer].tiles;
  for (size_t t = first; t < last; ++t) {
    program.write({memory::Transfer::Kind::weights,
                   tiles[t].bytes,
                   0,
                   job_.tiles_at + static_cast<uint64_t>(tiles[t].offset),
                   {}});
  }
}

}  // namespace stuckat::loopback
