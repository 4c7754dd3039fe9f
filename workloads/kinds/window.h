// What the kinds that move a window over an image have in common, and those that may not. Inside
// workloads only.
#pragma once

#include <string>

#include "workloads/network.h"

namespace stuckat {

/// Pixels of the output: as many windows as fit, `channels` of each. Throws InputError(where, ...)
/// for a window that makes no sense or does not fit.
Shape window_output(const Layer& layer, int channels, const std::string& where);

/// Throws InputError(where, ...) unless kernel, stride, padding and groups are 1, 1, 0 and 1: those
/// of a layer (`what`: "an add") that moves no window.
void refuse_window(const Layer& layer, const std::string& what, const std::string& where);

/// visit(element) for what the window at output pixel (y, x) holds of one channel, padding left
/// out.
template <typename Visit>
void for_window(const Layer& layer, const Tensor& input, int y, int x, int channel,
                const Visit& visit) {
  for (int ky = 0; ky < layer.kernel.height; ++ky) {
    for (int kx = 0; kx < layer.kernel.width; ++kx) {
      const int iy = y * layer.stride.height + ky - layer.padding.top;
      const int ix = x * layer.stride.width + kx - layer.padding.left;
      if (input.shape.holds(iy, ix)) visit(input.at(iy, ix, channel));
    }
  }
}

/// output.at(y, x, c) = value(y, x, c) for all of the layer's output.
template <typename Value>
Tensor each_output(const Layer& layer, const Value& value) {
  Tensor output{layer.output, {}};
  output.values.reserve(static_cast<size_t>(layer.output.size()));
  for (int y = 0; y < layer.output.height; ++y) {
    for (int x = 0; x < layer.output.width; ++x) {
      for (int c = 0; c < layer.output.channels; ++c) output.values.push_back(value(y, x, c));
    }
  }
  return output;
}

}  // namespace stuckat
