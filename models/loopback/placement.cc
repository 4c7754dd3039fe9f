#include "models/loopback/placement.h"

#include <algorithm>
#include <string>

#include "models/loopback/activation_plan.h"
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

}  // namespace

std::vector<int> array_layers(const LoopbackAccelerator& accelerator, const Network& network) {
  std::vector<int> result;
  for (const ProgramStep& step : program_of(accelerator, network).steps) {
    if (network.layer(step.layer).part() == HardwarePart::pe_array) result.push_back(step.layer);
  }
  if (result.empty()) {
    throw InputError("loopback:" + accelerator.name, network.name + " has no layer with weights",
                     "at least one");
  }
  return result;
}

Placement place(const LoopbackAccelerator& accelerator, const Network& network) {
  validate(accelerator);
  const std::string where = "loopback:" + accelerator.name;
  static const Capabilities capabilities = any_network("loopback accelerators do not compute");
  check_supported(network, capabilities, where);
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
    // The rows of a fold are of one group.
    const int rows = layer.groups * padded(layer.rows() / layer.groups, array.pe);
    array.uses.push_back({index, rows, padded(layer.columns(), array.simd), 0, 0});
  }
  for (ArrayUse& use : array.uses) {
    use.accumulator_bits =
        width(accelerator.accumulator_bits, accumulator, "an accumulator", where);
    use.threshold_bits = width(accelerator.threshold_bits, threshold, "a threshold", where);
  }
  Placement placement{where, {array}, {}};
  placement.memories.push_back(
      activation_memory(accelerator, network, program_of(accelerator, network)));
  return placement;
}

}  // namespace stuckat::loopback
