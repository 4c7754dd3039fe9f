// max_pool: the greatest value of windows of kernel pixels, `stride`, channel by channel. Padding
// takes no part.
#include <algorithm>
#include <limits>

#include "workloads/kinds/window.h"

namespace stuckat {
namespace {

Shape max_pool_output(const Layer& layer, const std::string& where) {
  return window_output(layer, layer.input.channels, where);
}

Tensor run_max_pool(const Layer& layer, std::span<const Tensor* const> inputs) {
  return each_output(layer, [&](int y, int x, int c) {
    int32_t best = std::numeric_limits<int32_t>::min();
    for_window(layer, *inputs[0], y, x, c, [&](int32_t value) { best = std::max(best, value); });
    return best;
  });
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
                                   .output = max_pool_output,
                                   .sums_between = nullptr,
                                   .check = nullptr,
                                   .run = run_max_pool};

}  // namespace stuckat
