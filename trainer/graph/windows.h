// The windows of pools over block tensors.
#pragma once

#include "trainer/product.h"
#include "workloads/network.h"

namespace stuckat::trainer {

/// visit(output pixel, input pixel) for everything under the windows of output row y, output pixel
/// by output pixel, in raster order; what is padding is left out.
template <class Visit>
void for_window_pixels(const Layer& layer, int y, const Visit& visit) {
  for (int x = 0; x < layer.output.width; ++x) {
    for (int ky = 0; ky < layer.kernel.height; ++ky) {
      for (int kx = 0; kx < layer.kernel.width; ++kx) {
        const int down = y * layer.stride.height + ky - layer.padding.top;
        const int right = x * layer.stride.width + kx - layer.padding.left;
        if (!layer.input.holds(down, right)) continue;
        visit(y * layer.output.width + x, down * layer.input.width + right);
      }
    }
  }
}

}  // namespace stuckat::trainer
