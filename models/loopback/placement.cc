#include "models/loopback/placement.h"

#include <algorithm>
#include <bit>
#include <string>

#include "faultmaps/effects.h"
#include "workloads/errors.h"

namespace stuckat::loopback {
namespace {

int padded(int count, int multiple) { return (count + multiple - 1) / multiple * multiple; }

/// Bits of an accumulator that no weight memory overflows: a broken bit can make a weight of
/// min_value(), which is below the levels that Layer::accumulator_min() counts with.
int accumulator_bits(const Layer& layer) {
  const int needed = minimal_accumulator_bits(layer);
  if (layer.is_xnor()) return needed;
  const int64_t weight = -layer.weight_format.min_value();
  const int64_t input = std::max(-layer.input_format.min_value(), layer.input_format.max_level());
  const auto greatest = static_cast<uint64_t>(weight * input * layer.columns());
  return std::max(needed, static_cast<int>(std::bit_width(greatest)) + 1);
}

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
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (network.layers[i].has_weights()) result.push_back(static_cast<int>(i));
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
  const std::string where = "loopback:" + accelerator.name;
  PeArray array;
  array.name = "array";
  array.pe = static_cast<int>(accelerator.pe);
  array.simd = static_cast<int>(accelerator.simd);
  array.schedule = accelerator.schedule;
  int accumulator = 1;
  int threshold = 1;
  for (const int index : array_layers(accelerator, network)) {
    const Layer& layer = network.layers[static_cast<size_t>(index)];
    accumulator = std::max(accumulator, accumulator_bits(layer));
    threshold = std::max(threshold, minimal_threshold_bits(layer));
    array.uses.push_back(
        {index, padded(layer.rows(), array.pe), padded(layer.columns(), array.simd), 0, 0});
  }
  for (ArrayUse& use : array.uses) {
    use.accumulator_bits =
        width(accelerator.accumulator_bits, accumulator, "an accumulator", where);
    use.threshold_bits = width(accelerator.threshold_bits, threshold, "a threshold", where);
  }
  return {where, {array}, {}};
}

}  // namespace stuckat::loopback
