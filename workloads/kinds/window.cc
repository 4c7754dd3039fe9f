#include "workloads/kinds/window.h"

#include "workloads/errors.h"

namespace stuckat {

Shape window_output(const Layer& layer, int channels, const std::string& where) {
  const int kernel = layer.kernel;
  const int stride = layer.stride;
  const int padding = layer.padding;
  if (kernel < 1 || stride < 1 || padding < 0 || padding >= kernel || kernel > max_dimension ||
      stride > max_dimension) {
    throw InputError(where,
                     "kernel " + std::to_string(kernel) + ", stride " + std::to_string(stride) +
                         ", padding " + std::to_string(padding),
                     "kernel >= 1, stride >= 1, 0 <= padding < kernel");
  }
  const int height = layer.input.height + 2 * padding - kernel;
  const int width = layer.input.width + 2 * padding - kernel;
  if (height < 0 || width < 0) {
    throw InputError(where,
                     "kernel " + std::to_string(kernel) + " on an input of " + layer.input.text(),
                     "a kernel that fits");
  }
  return {height / stride + 1, width / stride + 1, channels};
}

}  // namespace stuckat
