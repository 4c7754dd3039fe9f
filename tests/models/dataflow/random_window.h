// Sliding windows in RTL of random shapes: kernels to 5x5, strides to 4, by channels or not, rows
// and columns that no window covers.
#pragma once

#include "models/dataflow/sliding_window.h"
#include "tests/support/random_network.h"

namespace stuckat::test {

/// It may not fit its ring: fits_ring().
inline dataflow::WindowShape random_window(Random& random) {
  dataflow::WindowShape shape;
  shape.version = dataflow::WindowVersion::rtl;
  shape.kernel = uniform(random, 2, 5);
  shape.stride = uniform(random, 1, 4);
  shape.words_per_pixel = uniform(random, 1, 3);
  shape.by_channels = uniform(random, 0, 3) == 0;
  shape.height = shape.kernel + uniform(random, 0, 7);
  shape.width = shape.kernel + uniform(random, 0, 7);
  shape.out_height = (shape.height - shape.kernel) / shape.stride + 1;
  shape.out_width = (shape.width - shape.kernel) / shape.stride + 1;
  return shape;
}

}  // namespace stuckat::test
