#include "faultmaps/lower.h"

#include <algorithm>

#include "faultmaps/lowering.h"
#include "faultmaps/mitigation/protection.h"
#include "faultmaps/parts.h"
#include "workloads/capabilities.h"
#include "workloads/errors.h"

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

void refuse_apart(const Fault& fault, const Placement& placement) {
  if (fault.kind != SiteKind::pe_threshold && fault.kind != SiteKind::pe_comparator &&
      fault.kind != SiteKind::pe_output) {
    return;
  }
  for (const OtherPart& other : placement.others) {
    if (other.kind != PartKind::threshold_unit) continue;
    for (const PeArray& array : placement.arrays) {
      if (array.name != fault.part || array.uses.front().layer != other.layer) continue;
      if (!fault.is_flip() && other.figures[0] == array.pe) return;
      throw InputError(placement.accelerator, "the fault " + name(fault),
                       "one before the sum: thresholds are a part of their own");
    }
  }
}

void refuse_on_wires(const Fault& fault, bool wires, const Placement& placement) {
  if (!wires) return;
  throw InputError(placement.accelerator,
                   name(fault) + ": the register drives wires (FIFO depth 0)",
                   "a FIFO after it, or a permanent fault");
}

namespace {

/// All parts of the accelerator are of kinds whose faults are known in any network.
bool takes_any_network(const Placement& placement) {
  bool any = false;
  for (const PartRow& row : part_table()) {
    if (count_parts(row.kind, placement) == 0) continue;
    if (!row.any_network) return false;
    any = true;
  }
  return any;
}

const Capabilities& known(const Placement& placement) {
  static const Capabilities chains = {
      "the lowering of faults does not know",
      {LayerKind::convolution, LayerKind::dense, LayerKind::max_pool}};
  static const Capabilities all = any_network(chains.refusal);
  return takes_any_network(placement) ? all : chains;
}

}  // namespace

Effects lower(const FaultMap& map, const Placement& placement, const Network& network) {
  check_supported(network, known(placement), placement.accelerator);
  const bool flips = std::any_of(map.faults.begin(), map.faults.end(),
                                 [](const Fault& fault) { return fault.is_flip(); });
  Lowering lowering(placement, network, map.faults.size(), flips);  // refers to the map's faults
  const auto add = [&](const FaultMap& faults) {
    for (const Fault& fault : faults.faults) {
      refuse_apart(fault, placement);
      lowering.add(fault);
    }
  };
  if (!is_protected(placement)) {
    add(map);
    return lowering.finish();
  }
  for (const Fault& fault : map.faults) refuse_apart(fault, placement);
  const FaultMap left = behind_protection(map, placement, network).left;
  add(left);
  return lowering.finish();
}

}  // namespace stuckat
