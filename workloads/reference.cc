#include "workloads/reference.h"

#include <algorithm>
#include <cassert>

namespace stuckat::reference {
namespace {

Tensor run_pool(const Layer& layer, const Tensor& input) {
  Tensor output{layer.output, std::vector<int32_t>(static_cast<size_t>(layer.output.size()))};
  for (int y = 0; y < layer.output.height; ++y) {
    for (int x = 0; x < layer.output.width; ++x) {
      for (int c = 0; c < layer.output.channels; ++c) {
        int32_t best = input.at(y * layer.stride, x * layer.stride, c);
        for (int ky = 0; ky < layer.kernel; ++ky) {
          for (int kx = 0; kx < layer.kernel; ++kx) {
            best = std::max(best, input.at(y * layer.stride + ky, x * layer.stride + kx, c));
          }
        }
        output.at(y, x, c) = best;
      }
    }
  }
  return output;
}

}  // namespace

std::vector<int32_t> window(const Layer& layer, const Tensor& input, int y, int x) {
  if (layer.kind == LayerKind::dense) return input.values;
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

Tensor run_layer(const Layer& layer, const Tensor& input) {
  assert(input.shape == layer.input);
  if (layer.kind == LayerKind::max_pool) return run_pool(layer, input);
  Tensor output{layer.output, {}};
  output.values.reserve(static_cast<size_t>(layer.output.size()));
  for (int y = 0; y < layer.output.height; ++y) {
    for (int x = 0; x < layer.output.width; ++x) {
      const std::vector<int32_t> columns = window(layer, input, y, x);
      for (int row = 0; row < layer.rows(); ++row) {
        const int32_t accumulator = accumulate(layer, layer.weight_row(row), columns.data());
        output.values.push_back(threshold(layer, layer.threshold_row(row), accumulator));
      }
    }
  }
  return output;
}

std::vector<Tensor> run(const Network& network, const Tensor& image) {
  std::vector<Tensor> tensors = {image};
  for (const Layer& layer : network.layers) tensors.push_back(run_layer(layer, tensors.back()));
  return tensors;
}

}  // namespace stuckat::reference
