#include "faultmaps/memory_repair.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <tuple>

#include "faultmaps/lower.h"
#include "faultmaps/memory_faults.h"
#include "faultmaps/parts.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

/// Of the parts of its kind, the fault's.
int part_of(const Fault& fault, const Placement& placement) {
  const int part = find_part(site_row(fault.kind).part, placement, fault.part);
  if (part >= 0) return part;
  throw InputError(placement.accelerator, "no part '" + fault.part + "'", "its own parts");
}

Effects nothing(const FaultMap& map, const Placement& placement, const Network& network) {
  return lower(map, placement, network);
}

Effects store_nearest(const FaultMap& map, const Placement& placement, const Network& network) {
  Effects effects = lower(map, placement, network);
  std::map<std::tuple<int, int, int>, CodeMask> masks;  // layer, row, column
  for (const Fault& fault : map.faults) {
    const ParameterMemory* memory = site_row(fault.kind).parameters;
    if (memory == nullptr || fault.is_flip()) continue;
    memory->bits(placement, network, fault, part_of(fault, placement), [&](const StoredBit& b) {
      if (b.is_padding || b.is_threshold) return;
      CodeMask& mask = masks[{b.layer, b.row, b.index}];
      mask = mask.then(CodeMask::stuck_bit(b.bit, fault.value != 0));
    });
  }
  for (ParameterPatch& patch : effects.patches) {
    if (patch.is_threshold) continue;
    const Layer& layer = network.layers[static_cast<size_t>(patch.layer)];
    const auto mask = masks.find({patch.layer, patch.row, patch.index});
    if (mask == masks.end()) continue;
    patch.value = nearest_storable(layer.weight_format, mask->second,
                                   layer.weight_row(patch.row)[patch.index]);
  }
  return effects;
}

Effects clip_reads(const FaultMap& map, const Placement& placement, const Network& network) {
  Effects effects = lower(map, placement, network);
  for (ParameterPatch& patch : effects.patches) {
    if (patch.is_threshold) continue;
    const Layer& layer = network.layers[static_cast<size_t>(patch.layer)];
    patch.value = std::max(patch.value, layer.weight_format.min_level());
  }
  // What reads as before is no patch.
  std::erase_if(effects.patches, [&](const ParameterPatch& patch) {
    const Layer& layer = network.layers[static_cast<size_t>(patch.layer)];
    return !patch.is_threshold && layer.weight_row(patch.row)[patch.index] == patch.value;
  });
  return effects;
}

Effects correct_single_errors(const FaultMap& map, const Placement& placement,
                              const Network& network) {
  // Kind, part, memory, word.
  const auto word_of = [](const Fault& fault) {
    const SiteRow& row = site_row(fault.kind);
    const int memory = row.is_of_pe() ? fault.coordinates[0] : 0;
    const int address = fault.coordinates[row.is_of_pe() ? 1 : 0];
    return std::make_tuple(fault.kind, fault.part, memory,
                           address / row.parameters->word_addresses);
  };
  std::map<decltype(word_of(Fault())), int> wrong;
  for (const Fault& fault : map.faults) {
    const ParameterMemory* memory = site_row(fault.kind).parameters;
    if (memory == nullptr || fault.is_flip()) {
      throw InputError(placement.accelerator, "SECDED over " + name(fault),
                       "stuck cells in memories of weights or thresholds");
    }
    const int part = part_of(fault, placement);
    if (!memory->keeps(placement, part)) {
      throw InputError(placement.accelerator,
                       "SECDED over " + fault.part + ", which holds one layer after the other",
                       "memories that hold the same all the time");
    }
    wrong[word_of(fault)] += stored_bit(fault, placement, part, network) != fault.value ? 1 : 0;
  }
  FaultMap rest{map.accelerator, {}, map.accelerator_hash};
  for (const Fault& fault : map.faults) {
    if (wrong[word_of(fault)] > 1) rest.faults.push_back(fault);
  }
  return lower(rest, placement, network);
}

}  // namespace

int nearest_storable(NumberFormat format, CodeMask stuck, int value) {
  const auto worth = [&](int v) { return std::make_tuple(std::abs(v - value), std::abs(v), v); };
  int best = format.value(stuck.apply(0));
  for (uint32_t code = 1; code < 1u << format.bits; ++code) {
    const int read = format.value(stuck.apply(code));
    if (worth(read) < worth(best)) best = read;
  }
  return best;
}

const std::vector<MemoryRepair>& memory_repairs() {
  static const std::vector<MemoryRepair> rows = {
      {"none", "nothing is done", nothing},
      {"faq", "each weight is stored as the code that reads nearest to it", store_nearest},
      {"clip", "a weight never reads below its lowest level", clip_reads},
      {"secded", "each word corrects one wrong bit", correct_single_errors},
  };
  return rows;
}

const std::vector<std::string>& memory_repair_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const MemoryRepair& row : memory_repairs()) result.emplace_back(row.name);
    return result;
  }();
  return names;
}

}  // namespace stuckat
