// Items that are kept as what they break: typed faults and stuck elements. Inside sim/campaign
// only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/site_index.h"
#include "sim/campaign/fault_source.h"
#include "sim/campaign/weight_bits.h"

namespace stuckat::campaign {

struct FaultItem {
  std::string id;
  FaultMap map;                          ///< valid: what is broken of the accelerator
  std::vector<ElementFault> elements;    ///< stuck channels, pixels and elements
  std::vector<WeightBit> weight_bits;    ///< beside what the map makes of weights
  std::vector<FaultInfo> element_infos;  ///< of each of both, as they were named
  std::vector<std::string> written;  ///< its parts, unless they are the names of the map's faults
};

/// FaultSet::info() of an item: what all of its parts share.
class SharedInfo {
 public:
  void add(const FaultInfo& info);
  void add(const std::vector<Fault>& faults, const Placement& placement);
  FaultInfo with_id(const std::string& id) const;

 private:
  FaultInfo shared_;
  bool any_ = false;
};

class ListedSource : public FaultSet::Source {
 public:
  /// Identifiers must be unique; strata: as a file gives them, or empty. Throws InputError(where,
  /// ...). `placement` may be null if no item breaks hardware.
  ListedSource(const Network& network, const Placement* placement, std::vector<FaultItem> items,
               const std::string& where, std::vector<Stratum> strata = {});

  int64_t size() const override { return static_cast<int64_t>(items_.size()); }
  FaultInfo info(int64_t index) const override { return infos_[static_cast<size_t>(index)]; }
  Effects effects(int64_t index) const override;
  std::vector<std::string> parts(int64_t index) const override;
  std::vector<Fault> faults(int64_t index) const override { return item(index).map.faults; }
  void hash_parts(int64_t index, Hasher& hasher) const override;

 private:
  const FaultItem& item(int64_t index) const { return items_[static_cast<size_t>(index)]; }

  Network network_;
  std::optional<Placement> placement_;
  std::vector<FaultItem> items_;
  std::vector<FaultInfo> infos_;
};

}  // namespace stuckat::campaign
