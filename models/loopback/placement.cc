#include "models/loopback/placement.h"

#include <algorithm>
#include <limits>
#include <string>

#include "faultmaps/effects.h"
#include "workloads/capabilities.h"
#include "workloads/errors.h"

namespace stuckat::loopback {
namespace {

int padded(int count, int multiple) { return (count + multiple - 1) / multiple * multiple; }

/// The width asked for, or the one needed if none is.
int width(int64_t asked, int needed, const std::string& what, const std::string& where) {
  if (needed > 32) {
    throw InputError(where, what + " would need " + std::to_string(needed) + " bits",
                     "layers that fit 32");
  }
  if (asked == 0) return needed;
  if (asked < needed) {
    throw InputError(where, what + " of " + std::to_string(asked) + " bits",
                     std::to_string(needed) + " to 32, or 0 for as many as needed");
  }
  return static_cast<int>(asked);
}

/// What is loaded goes into buffer 0; each layer reads one buffer and writes the other.
ActivationMemory activation_memory(const LoopbackAccelerator& accelerator, const Network& network,
                                   const std::vector<ArrayUse>& uses) {
  ActivationMemory memory;
  memory.name = "activations";
  memory.bytes = static_cast<int>(
      std::min<int64_t>(accelerator.activation_buffer_bytes, std::numeric_limits<int>::max()));
  const int loaded = accelerator.host_first_last ? uses.front().layer : 0;
  memory.tensors.push_back({loaded, network.after_pools(loaded), 0});
  for (size_t i = 0; i < uses.size(); ++i) {
    const int tensor = network.output_tensor(uses[i].layer);
    memory.tensors.push_back({tensor, network.after_pools(tensor), static_cast<int>(i + 1) % 2});
  }
  return memory;
}

}  // namespace

std::vector<int> array_layers(const LoopbackAccelerator& accelerator, const Network& network) {
  std::vector<int> result;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (network.layers[i].part() == HardwarePart::pe_array) result.push_back(static_cast<int>(i));
  }
  if (accelerator.host_first_last) {
    const auto layers = static_cast<int>(result.size());
    if (layers < 3) {
      throw InputError("loopback:" + accelerator.name,
                       "host_first_last leaves no layer of " + network.name + " to the array",
                       "a network of at least 3 layers with weights");
    }
    result.pop_back();
    result.erase(result.begin());
  }
  return result;
}

Placement place(const LoopbackAccelerator& accelerator, const Network& network) {
  validate(accelerator);
  const std::string where = "loopback:" + accelerator.name;
  static const Capabilities array_and_pools = {
      "loopback accelerators do not compute",
      {LayerKind::convolution, LayerKind::dense, LayerKind::max_pool}};
  check_supported(network, array_and_pools, where);
  PeArray array;
  array.name = "array";
  array.pe = static_cast<int>(accelerator.pe);
  array.simd = static_cast<int>(accelerator.simd);
  array.schedule = accelerator.schedule;
  int accumulator = 1;
  int threshold = 1;
  for (const int index : array_layers(accelerator, network)) {
    const Layer& layer = network.layers[static_cast<size_t>(index)];
    accumulator = std::max(accumulator, layer.accumulator_bits());
    threshold = std::max(threshold, layer.threshold_bits());
    array.uses.push_back(
        {index, padded(layer.rows(), array.pe), padded(layer.columns(), array.simd), 0, 0});
  }
  for (ArrayUse& use : array.uses) {
    use.accumulator_bits =
        width(accelerator.accumulator_bits, accumulator, "an accumulator", where);
    use.threshold_bits = width(accelerator.threshold_bits, threshold, "a threshold", where);
  }
  Placement placement{where, {array}, {}};
  placement.memories.push_back(activation_memory(accelerator, network, array.uses));
  return placement;
}

}  // namespace stuckat::loopback
