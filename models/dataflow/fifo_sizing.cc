#include "models/dataflow/fifo_sizing.h"

#include <algorithm>

#include "models/dataflow/chain.h"
#include "models/dataflow/part_program.h"
#include "models/dataflow/timing.h"

namespace stuckat::dataflow {

DataflowAccelerator with_sized_fifos(DataflowAccelerator accelerator, const Network& network) {
  constexpr int deep = 1 << 15, images = 6;
  DataflowAccelerator unlimited = accelerator;
  unlimited.input_depth = deep;
  for (LayerParams& p : unlimited.layers) p.out_depth = p.inner_depth = deep;

  const Chain chain = build_chain(unlimited, network);
  int64_t slowest = 1;
  for (const PartProgram& program : part_programs(chain, unlimited, network)) {
    slowest = std::max(slowest, cycles_per_image(program));
  }
  const int64_t words = chain.streams.front().words_per_image;
  const DataflowTiming timing =
      time_images(network, unlimited, images, {.input_interval = (slowest + words - 1) / words});

  accelerator.input_depth = 2;
  for (LayerParams& p : accelerator.layers) p.out_depth = p.inner_depth = 2;
  for (size_t i = 0; i < chain.streams.size(); ++i) {
    const StreamSpec& stream = chain.streams[i];
    const int words_held = timing.streams[i].high_water;
    if (stream.tensor == 0) {
      accelerator.input_depth = std::max(accelerator.input_depth, words_held);
    } else if (chain.stages[i].layer >= 0) {
      LayerParams& p = accelerator.layers[static_cast<size_t>(chain.stages[i].layer)];
      int& depth = stream.tensor > 0 ? p.out_depth : p.inner_depth;
      depth = std::max(depth, words_held);
    }
  }
  return accelerator;
}

}  // namespace stuckat::dataflow
