// max_pool: the greatest value of kernel x kernel windows, `stride`, channel by channel.
#include <algorithm>

#include "workloads/errors.h"
#include "workloads/kinds/window.h"

namespace stuckat {
namespace {

Shape output(const Layer& layer, const std::string& where) {
  if (layer.padding != 0) throw InputError(where, "padding of a pool", "0");
  return window_output(layer, layer.input.channels, where);
}

Tensor run(const Layer& layer, std::span<const Tensor* const> inputs) {
  const Tensor& input = *inputs[0];
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

const LayerKindRow max_pool_row = {.name = "max_pool",
                                   .label = "max-pool",
                                   .number = 2,
                                   .inputs = 1,
                                   .has_weights = false,
                                   .sums = false,
                                   .reads = Reads::window,
                                   .part = HardwarePart::max_pool,
                                   .output = output,
                                   .check = nullptr,
                                   .run = run};

}  // namespace stuckat
