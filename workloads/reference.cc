#include "workloads/reference.h"

#include <algorithm>
#include <cassert>

namespace stuckat::reference {
std::vector<int32_t> window(const Layer& layer, const Tensor& input, int y, int x, int group) {
  if (layer.is_flat()) return input.values;
  std::vector<int32_t> result;
  result.reserve(static_cast<size_t>(layer.columns()));
  const int channels = layer.group_channels();
  for (int ky = 0; ky < layer.kernel.height; ++ky) {
    for (int kx = 0; kx < layer.kernel.width; ++kx) {
      const int iy = y * layer.stride.height + ky - layer.padding.top;
      const int ix = x * layer.stride.width + kx - layer.padding.left;
      for (int c = group * channels; c < (group + 1) * channels; ++c) {
        result.push_back(layer.input.holds(iy, ix) ? input.at(iy, ix, c)
                                                   : layer.input_format.padding_value());
      }
    }
  }
  return result;
}

int32_t accumulate(const Layer& layer, const int8_t* weights, const int32_t* window) {
  const int columns = layer.columns();
  int32_t sum = 0;
  for (int i = 0; i < columns; ++i) sum += weights[i] * window[i];
  // matches - mismatches = sum and matches + mismatches = columns
  return layer.is_xnor() ? (sum + columns) / 2 : sum;
}

int32_t threshold(const Layer& layer, const int32_t* thresholds, int32_t accumulator) {
  if (layer.accumulator_output) return accumulator;
  if (layer.output_format.bits > 8) {  // ascending: validate()
    const int32_t* const end = thresholds + layer.thresholds_per_row();
    return layer.output_format.level(
        static_cast<int>(std::lower_bound(thresholds, end, accumulator) - thresholds));
  }
  const int count = layer.thresholds_per_row();
  int below = 0;
  for (int i = 0; i < count; ++i) below += thresholds[i] < accumulator ? 1 : 0;
  return layer.output_format.level(below);
}

Tensor run_layer(const Layer& layer, std::span<const Tensor* const> inputs) {
  assert(!inputs.empty() && inputs[0]->shape == layer.input);
  return layer.kind->run(layer, inputs);
}

Tensor run_layer(const Layer& layer, const Tensor& input) {
  const Tensor* const inputs[] = {&input};
  return run_layer(layer, inputs);
}

std::vector<Tensor> run(const Network& network, const Tensor& image) {
  std::vector<Tensor> tensors = {image};
  tensors.reserve(static_cast<size_t>(network.tensors()));
  for (const Layer& layer : network.layers) {
    std::vector<const Tensor*> inputs;
    for (const int tensor : layer.inputs) inputs.push_back(&tensors[static_cast<size_t>(tensor)]);
    tensors.push_back(run_layer(layer, inputs));
  }
  return tensors;
}

}  // namespace stuckat::reference
