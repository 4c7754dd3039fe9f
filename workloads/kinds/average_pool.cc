// average_pool: the sum of windows of kernel pixels, `stride`, channel by channel, and a channel's
// thresholds: rounding of a mean rises with the sum, so that thresholds give it exactly. Padding
// adds nothing.
#include <algorithm>

#include "workloads/kinds/window.h"
#include "workloads/reference.h"

namespace stuckat {
namespace {

Shape average_pool_output(const Layer& layer, const std::string& where) {
  return window_output(layer, layer.input.channels, where);
}

std::pair<int64_t, int64_t> average_pool_sums(const Layer& layer) {
  const int64_t pixels = int64_t{layer.kernel.height} * layer.kernel.width;
  const NumberFormat& format = layer.input_format;
  return {pixels * std::min(0, format.min_value()), pixels * format.max_level()};
}

Tensor run_average_pool(const Layer& layer, std::span<const Tensor* const> inputs) {
  return each_output(layer, [&](int y, int x, int c) {
    int32_t sum = 0;
    for_window(layer, *inputs[0], y, x, c, [&](int32_t value) { sum += value; });
    return reference::threshold(layer, layer.threshold_row(c), sum);
  });
}

}  // namespace

const LayerKindRow average_pool_row = {.name = "average_pool",
                                       .label = "avg-pool",
                                       .number = 3,
                                       .inputs = 1,
                                       .has_weights = false,
                                       .sums = true,
                                       .reads = Reads::window,
                                       .part = HardwarePart::none,
                                       .output = average_pool_output,
                                       .sums_between = average_pool_sums,
                                       .check = nullptr,
                                       .run = run_average_pool};

}  // namespace stuckat
