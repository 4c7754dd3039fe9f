#include "faultmaps/buffer_flips.h"

#include <algorithm>
#include <string>

#include "workloads/capabilities.h"
#include "workloads/errors.h"

namespace stuckat {

void refuse_buffer_flip(const Network& network, const Placement& placement) {
  static const Capabilities chains = {
      .refusal = "gives transients in activation buffers no exact effect",
      .kinds = {LayerKind::convolution, LayerKind::dense, LayerKind::max_pool,
                LayerKind::average_pool},
      .any_window = true,
      .groups = true,
      .class_map = true,
      .any_result = true,
      .formats = any_network("").formats};
  if (placement.arrays.empty()) {
    throw InputError(placement.accelerator,
                     "a transient in the unified buffer of a systolic array, which has no exact "
                     "effect",
                     "a bit that is stuck, or a transient in the array");
  }
  check_supported(network, chains, placement.accelerator);
  for (const ActivationMemory& memory : placement.memories) {
    for (const auto& stored : memory.tensors) {
      const int maker = Network::producer(stored.tensor);
      if (&stored == &memory.tensors.front() || network.layer(maker).has_weights()) continue;
      throw InputError(placement.accelerator,
                       "layer '" + network.layer(maker).name +
                           "' moves a tensor from buffer to buffer, which " + chains.refusal,
                       "pools on the way into the buffer");
    }
  }
}

int last_pixel_for(const Layer& pool, int pixel) {
  int last = 0;
  for (int p = 0; p <= pixel; ++p) {
    const int y = p / pool.output.width * pool.stride.height - pool.padding.top;
    const int x = p % pool.output.width * pool.stride.width - pool.padding.left;
    const int bottom = std::min(y + pool.kernel.height, pool.input.height) - 1;
    const int right = std::min(x + pool.kernel.width, pool.input.width) - 1;
    last = std::max(last, bottom * pool.input.width + right);
  }
  return last;
}

}  // namespace stuckat
