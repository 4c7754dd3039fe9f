#include "workloads/kinds/matrix.h"

#include "workloads/reference.h"

namespace stuckat {

Tensor run_matrix(const Layer& layer, std::span<const Tensor* const> inputs) {
  Tensor output{layer.output, {}};
  output.values.reserve(static_cast<size_t>(layer.output.size()));
  for (int y = 0; y < layer.output.height; ++y) {
    for (int x = 0; x < layer.output.width; ++x) {
      const std::vector<int32_t> columns = reference::window(layer, *inputs[0], y, x);
      for (int row = 0; row < layer.rows(); ++row) {
        const int32_t accumulator =
            reference::accumulate(layer, layer.weight_row(row), columns.data());
        output.values.push_back(reference::threshold(layer, layer.threshold_row(row), accumulator));
      }
    }
  }
  return output;
}

}  // namespace stuckat
