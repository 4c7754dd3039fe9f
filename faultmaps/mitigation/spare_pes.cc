#include "faultmaps/mitigation/spare_pes.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace stuckat {

std::vector<FaultyPe> faulty_pes(const FaultMap& map, const Placement& placement) {
  std::vector<FaultyPe> result;
  for (const PeArray& array : placement.arrays) {
    std::map<int, FaultMap> by_pe;
    for (const Fault& fault : map.faults) {
      const SiteRow& row = site_row(fault.kind);
      if (row.part != PartKind::pe_array || !row.is_of_pe() || fault.part != array.name) continue;
      FaultMap& own =
          by_pe.try_emplace(fault.coordinates[0], FaultMap{map.accelerator, {}, {}}).first->second;
      own.accelerator_hash = map.accelerator_hash;
      own.faults.push_back(fault);
    }
    for (auto& [pe, faults] : by_pe) result.push_back({array.name, pe, std::move(faults)});
  }
  return result;
}

FaultMap behind_spares(const FaultMap& map, const std::vector<FaultyPe>& mapped_out,
                       const Placement& placement, const Network& network) {
  std::map<std::string, std::vector<int>> by_array;
  for (const FaultyPe& broken : mapped_out) by_array[broken.array].push_back(broken.pe);
  Placement with_spares = placement;
  for (auto& [array, pes] : by_array) {
    std::sort(pes.begin(), pes.end());
    add_redundancy(with_spares, Redundancy::spares, array, std::move(pes));
  }
  return behind_protection(map, with_spares, network).left;
}

ProtectionCost cost_of_spares(int spares, const Placement& placement, const Network& network) {
  Placement with_spares = placement;
  for (const PeArray& array : placement.arrays) {
    std::vector<int> pes(static_cast<size_t>(std::min(spares, array.pe)));
    std::iota(pes.begin(), pes.end(), 0);
    if (!pes.empty()) add_redundancy(with_spares, Redundancy::spares, array.name, pes);
  }
  return protection_cost(with_spares, network);
}

}  // namespace stuckat
