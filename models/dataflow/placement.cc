#include "models/dataflow/placement.h"

#include "models/dataflow/chain.h"
#include "models/dataflow/sliding_window.h"

namespace stuckat::dataflow {

Placement place(const DataflowAccelerator& accelerator, const Network& network) {
  Placement placement;
  placement.accelerator = "dataflow:" + accelerator.name;
  const Chain chain = build_chain(accelerator, network);
  for (const StageSpec& stage : chain.stages) {
    if (stage.kind == StageKind::sliding_window) {
      const Layer& layer = network.layers[static_cast<size_t>(stage.layer)];
      if (!layer.has_weights()) continue;  // no effect says what a pool's window reads
      const int simd = accelerator.layers[static_cast<size_t>(stage.layer)].simd;
      const int slots =
          SlidingWindow::row_slots(window_shape(layer, simd, accelerator.sliding_window));
      placement.windows.push_back({stage.name, stage.layer, slots, simd});
    }
    if (stage.kind == StageKind::max_pool) {
      const auto input = static_cast<size_t>(&stage - chain.stages.data()) - 1;
      placement.pools.push_back({stage.name, stage.layer, chain.streams[input].lanes});
    }
    if (stage.kind != StageKind::mvtu) continue;
    const LayerParams& p = accelerator.layers[static_cast<size_t>(stage.layer)];
    PeArray array{stage.name, p.pe, p.simd, Schedule::channel_parallel, {}};
    array.uses.push_back({stage.layer, padded_rows(accelerator, network, stage.layer),
                          padded_columns(accelerator, network, stage.layer),
                          accumulator_bits(accelerator, network, stage.layer),
                          threshold_bits(accelerator, network, stage.layer)});
    placement.arrays.push_back(std::move(array));
  }
  for (const StreamSpec& stream : chain.streams) {
    if (stream.tensor < 0) continue;
    // Elements follow each other from word to word. Where no word holds two pixels, pixels are
    // words of their own; the padding behind the last channel is part of the one pixel there is.
    const Shape shape = network.tensor_shape(stream.tensor);
    const bool aligned = shape.pixels() == 1 || shape.channels % stream.lanes == 0;
    const auto words = static_cast<int>(stream.words_per_image / (aligned ? shape.pixels() : 1));
    placement.streams.push_back(
        {stream.name, stream.tensor, stream.depth, stream.lanes, words, !aligned});
  }
  return placement;
}

}  // namespace stuckat::dataflow
