#include "workloads/kinds/window.h"

#include "workloads/errors.h"

namespace stuckat {
namespace {

/// Windows along one axis, of an image of `size` pixels.
int windows(int size, int kernel, int stride, int before, int after, const std::string& where) {
  if (kernel < 1 || stride < 1 || before < 0 || after < 0 || before >= kernel || after >= kernel ||
      kernel > max_dimension || stride > max_dimension) {
    const std::string padding = std::to_string(before) + " and " + std::to_string(after);
    throw InputError(where,
                     "kernel " + std::to_string(kernel) + ", stride " + std::to_string(stride) +
                         ", padding " + (before == after ? std::to_string(before) : padding),
                     "kernel >= 1, stride >= 1, 0 <= padding < kernel");
  }
  const int steps = size + before + after - kernel;
  if (steps < 0) {
    throw InputError(where,
                     "kernel " + std::to_string(kernel) + " on " + std::to_string(size) + " pixels",
                     "a kernel that fits");
  }
  return steps / stride + 1;
}

}  // namespace

Shape window_output(const Layer& layer, int channels, const std::string& where) {
  const Padding& p = layer.padding;
  return {
      windows(layer.input.height, layer.kernel.height, layer.stride.height, p.top, p.bottom, where),
      windows(layer.input.width, layer.kernel.width, layer.stride.width, p.left, p.right, where),
      channels};
}

void refuse_window(const Layer& layer, const std::string& what, const std::string& where) {
  if (layer.kernel != Extent(1) || layer.stride != Extent(1) || layer.padding != Padding(0) ||
      layer.groups != 1) {
    throw InputError(where, what + " with kernel, stride, padding or groups", "1, 1, 0 and 1");
  }
}

}  // namespace stuckat
