#include "faultmaps/lower.h"

#include <algorithm>

#include "faultmaps/lowering.h"
#include "faultmaps/mitigation/protection.h"
#include "workloads/capabilities.h"

namespace stuckat {

int32_t dead_accumulator(const Layer& layer, int level) {
  const NumberFormat format =
      layer.input_format.kind == FormatKind::fixed_point ? binary_format : layer.input_format;
  const int64_t low = layer.accumulator_min();
  const int64_t high = layer.accumulator_max();
  const int64_t steps = format.max_level() - format.min_level();
  const int64_t step =
      std::clamp(level, format.min_level(), format.max_level()) - format.min_level();
  const int64_t offset = (high - low) * step;  // >= 0: division rounds down
  return static_cast<int32_t>(low + offset / steps);
}

Effects lower(const FaultMap& map, const Placement& placement, const Network& network) {
  static const Capabilities known = {
      "the lowering of faults does not know",
      {LayerKind::convolution, LayerKind::dense, LayerKind::max_pool}};
  check_supported(network, known, placement.accelerator);
  Lowering lowering(placement, network);  // refers to the faults of the map
  if (!is_protected(placement)) {
    for (const Fault& fault : map.faults) lowering.add(fault);
    return lowering.finish();
  }
  const FaultMap left = behind_protection(map, placement, network).left;
  for (const Fault& fault : left.faults) lowering.add(fault);
  return lowering.finish();
}

}  // namespace stuckat
