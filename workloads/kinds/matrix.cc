#include "workloads/kinds/matrix.h"

#include <algorithm>

#include "workloads/reference.h"

namespace stuckat {

Tensor run_matrix(const Layer& layer, std::span<const Tensor* const> inputs) {
  Tensor output{layer.output, {}};
  output.values.reserve(static_cast<size_t>(layer.output.size()));
  std::vector<int32_t> columns;
  for (int y = 0; y < layer.output.height; ++y) {
    for (int x = 0; x < layer.output.width; ++x) {
      for (int row = 0; row < layer.rows(); ++row) {
        const int group = layer.group_of(row);
        if (row == 0 || group != layer.group_of(row - 1)) {
          columns = reference::window(layer, *inputs[0], y, x, group);
        }
        const int32_t accumulator =
            reference::accumulate(layer, layer.weight_row(row), columns.data());
        output.values.push_back(reference::threshold(layer, layer.threshold_row(row), accumulator));
      }
    }
  }
  return output;
}

std::pair<int64_t, int64_t> matrix_sums(const Layer& layer) {
  if (layer.is_xnor()) return {0, layer.columns()};
  const int64_t w = std::max(-layer.weight_format.min_value(), layer.weight_format.max_level());
  const int64_t x = std::max(-layer.input_format.min_value(), layer.input_format.max_level());
  return {-w * x * layer.columns(), w * x * layer.columns()};
}

}  // namespace stuckat
