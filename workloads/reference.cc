#include "workloads/reference.h"

#include <cassert>

namespace stuckat::reference {
std::vector<int32_t> window(const Layer& layer, const Tensor& input, int y, int x) {
  if (layer.is_flat()) return input.values;
  std::vector<int32_t> result;
  result.reserve(static_cast<size_t>(layer.columns()));
  for (int ky = 0; ky < layer.kernel; ++ky) {
    for (int kx = 0; kx < layer.kernel; ++kx) {
      const int iy = y * layer.stride + ky - layer.padding;
      const int ix = x * layer.stride + kx - layer.padding;
      const bool inside = iy >= 0 && ix >= 0 && iy < layer.input.height && ix < layer.input.width;
      for (int c = 0; c < layer.input.channels; ++c) {
        result.push_back(inside ? input.at(iy, ix, c) : layer.input_format.padding_value());
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
  int below = 0;
  for (int i = 0; i < layer.thresholds_per_row(); ++i) below += thresholds[i] < accumulator ? 1 : 0;
  return layer.output_format.level(below);
}

Tensor run_layer(const Layer& layer, std::span<const Tensor* const> inputs) {
  assert(inputs.size() == static_cast<size_t>(layer.kind->inputs));
  return layer.kind->run(layer, inputs);
}

Tensor run_layer(const Layer& layer, const Tensor& input) {
  assert(input.shape == layer.input);
  const Tensor* const inputs[] = {&input};
  return run_layer(layer, inputs);
}

std::vector<Tensor> run(const Network& network, const Tensor& image) {
  std::vector<Tensor> tensors = {image};
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    tensors.push_back(
        run_layer(network.layer(i), tensors[static_cast<size_t>(network.input_tensor(i))]));
  }
  return tensors;
}

}  // namespace stuckat::reference
