#include "models/dataflow/placement.h"

#include "models/dataflow/chain.h"

namespace stuckat::dataflow {

Placement place(const DataflowAccelerator& accelerator, const Network& network) {
  Placement placement;
  placement.accelerator = "dataflow:" + accelerator.name;
  const Chain chain = build_chain(accelerator, network);
  for (const StageSpec& stage : chain.stages) {
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
    const Shape shape = network.tensor_shape(stream.tensor);
    const int words_per_pixel = (shape.channels + stream.lanes - 1) / stream.lanes;
    if (stream.words_per_image != int64_t{shape.pixels()} * words_per_pixel) continue;
    placement.streams.push_back(
        {stream.name, stream.tensor, stream.depth, stream.lanes, words_per_pixel});
  }
  return placement;
}

}  // namespace stuckat::dataflow
