#include "models/explore/foldings.h"

#include <algorithm>

#include "models/dataflow/placement.h"
#include "models/dataflow/sliding_window.h"

namespace stuckat::explore {

int64_t slowest_part_cycles(const dataflow::DataflowAccelerator& accelerator,
                            const Network& network) {
  int64_t most = 0;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const auto index = static_cast<int>(i);
    if (layer.has_weights()) most = std::max(most, mvtu_cycles(accelerator, network, index));
    if (layer.kind == LayerKind::convolution) {
      const int simd = window_simd(accelerator, network, index);
      const auto window = dataflow::window_shape(layer, simd, dataflow::WindowVersion::hls);
      most = std::max(most, window.cycles_per_image());
    }
  }
  for (const auto& pool : place(accelerator, network).pools) {
    if (!pools_windows(accelerator, network, pool.layer)) continue;
    const Layer& layer = network.layers[static_cast<size_t>(pool.layer)];
    most = std::max(most, dataflow::windowed_pool_cycles(layer, pool.channels_per_word));
  }
  return most;
}

std::vector<dataflow::DataflowAccelerator> all_foldings(const Network& network) {
  std::vector<dataflow::DataflowAccelerator> foldings;
  int64_t target = INT64_MAX;
  while (true) {
    // The folding for a target is also that for the cycles it takes: the next is for fewer.
    auto folding = dataflow::auto_dataflow(network, target);
    const int64_t cycles = slowest_part_cycles(folding, network);
    if (cycles > target) return foldings;
    foldings.push_back(dataflow::auto_dataflow(network, cycles));
    target = cycles - 1;
  }
}

std::vector<dataflow::DataflowAccelerator> some_foldings(const Network& network, int64_t count) {
  const auto all = all_foldings(network);
  const auto size = static_cast<int64_t>(all.size());
  if (count >= size) return all;
  std::vector<dataflow::DataflowAccelerator> some;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t index = count == 1 ? size - 1 : i * (size - 1) / (count - 1);
    some.push_back(all[static_cast<size_t>(index)]);
  }
  return some;
}

}  // namespace stuckat::explore
