#include "sim/fast/levels/level_executor.h"

#include "sim/fast/levels/level_kernels.h"
#include "sim/fast/levels/level_layers.h"

namespace stuckat::fast {

LevelExecutor::LevelExecutor(const LevelNetwork& network) : network_(network) {
  for (int t = 0; t <= network.last_tensor(); ++t) {
    const LevelTensor& tensor = network.tensor(t);
    levels_.emplace_back(tensor.sums ? 0 : tensor.size(), tensor.padding_level);
  }
  for (int i = 0; i < network.last_tensor(); ++i) {
    const LevelLayer& layer = network.layer(i);
    sums_.emplace_back(has_sums(layer) ? static_cast<size_t>(layer.output.pixels()) *
                                             static_cast<size_t>(layer.slots)
                                       : 0);
  }
  result_.resize(static_cast<size_t>(network.network().shape(network.last_tensor()).size()));
}

void LevelExecutor::run(const Tensor& image) {
  store_values(network_.tensor(0), image, levels_[0].data());
  for (int i = 0; i < network_.last_tensor(); ++i) run_layer(i);
  if (!network_.tensor(network_.last_tensor()).sums) {
    result_ = tensor(network_.last_tensor()).values;
  }
}

void LevelExecutor::run_layer(int index) {
  const LevelLayer& layer = network_.layer(index);
  const auto to = static_cast<size_t>(Network::output_tensor(index));
  std::vector<const uint8_t*> inputs;
  for (const int t : layer.inputs) inputs.push_back(levels_[static_cast<size_t>(t)].data());
  const std::span<const int> pixels = network_.all_pixels(layer);
  if (!has_sums(layer) || !layer.pairs.empty()) {
    return move_levels(network_, index, inputs, pixels, levels_[to].data());
  }
  AlignedVector<int32_t>& sums = sums_[static_cast<size_t>(index)];
  const std::span<const int> blocks = network_.all_blocks(layer);
  sum_layer(network_, layer, inputs, blocks, pixels, sums.data());
  if (layer.accumulator_output) {
    store_sums(layer, pixels, sums.data(), nullptr, result_.data());
    return;
  }
  kernels::Finish work;
  work.sums = sums.data();
  work.to = levels_[to].data();
  const LevelTensor& output = network_.tensor(static_cast<int>(to));
  kernels::finish(layer, output, blocks, output.all(), work);
}

Tensor LevelExecutor::tensor(int tensor) const {
  const LevelTensor& layout = network_.tensor(tensor);
  if (layout.sums) return {layout.shape, result_};
  return load_values(layout, levels(tensor).data());
}

}  // namespace stuckat::fast
