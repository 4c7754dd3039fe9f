#include "faultmaps/lower.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

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

/// Faults of parts that work with the network's parameters as they are.
Effects lower_together(const FaultMap& map, const Placement& placement, const Network& network) {
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

int32_t stored(const Network& network, const ParameterPatch& p) {
  const Layer& layer = network.layer(p.layer);
  return p.is_threshold ? layer.threshold_row(p.row)[p.index] : layer.weight_row(p.row)[p.index];
}

/// What other patches, of the network as `first` leaves it, make of its parameters.
std::vector<ParameterPatch> one_after_the_other(const std::vector<ParameterPatch>& first,
                                                const std::vector<ParameterPatch>& then,
                                                const Network& network) {
  const auto place = [](const ParameterPatch& p) {
    return std::make_tuple(p.layer, p.row, p.is_threshold, p.index);
  };
  std::map<decltype(place({})), ParameterPatch> last;
  for (const auto* patches : {&first, &then}) {
    for (const ParameterPatch& patch : *patches) last[place(patch)] = patch;
  }
  std::vector<ParameterPatch> result;
  for (const auto& [where, patch] : last) {
    if (patch.value != stored(network, patch)) result.push_back(patch);
  }
  return result;
}

}  // namespace

Effects lower(const FaultMap& map, const Placement& placement, const Network& network) {
  check_supported(network, known(placement), placement.accelerator);
  const auto is_off_chip = [](const Fault& fault) { return site_row(fault.kind).is(off_chip); };
  const auto some = std::count_if(map.faults.begin(), map.faults.end(), is_off_chip);
  if (some == 0 || some == std::ssize(map.faults)) return lower_together(map, placement, network);
  FaultMap memory{map.accelerator, {}, map.accelerator_hash};
  FaultMap others = memory;
  std::partition_copy(map.faults.begin(), map.faults.end(), std::back_inserter(memory.faults),
                      std::back_inserter(others.faults), is_off_chip);
  const Effects loaded = lower_together(memory, placement, network);
  Network read = network;
  for (const ParameterPatch& patch : loaded.patches) {
    apply_patch(patch, read.layers[static_cast<size_t>(patch.layer)]);
  }
  Effects effects = lower_together(others, placement, read);
  effects.patches = one_after_the_other(loaded.patches, effects.patches, network);
  return effects;
}

}  // namespace stuckat
