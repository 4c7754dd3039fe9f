#include "faultmaps/fault_map.h"

#include <stdexcept>

#include "faultmaps/site_index.h"

namespace stuckat {

void validate(FaultMap& map, const Placement& placement, const Network& network,
              const std::string& where) {
  validate(map, SiteIndex(placement, network), where);
}

int64_t count_faults(SiteKind kind, const Placement& placement, const Network& network) {
  const SiteRow& row = site_row(kind);
  int64_t count = 0;
  for (int part = 0; part < count_parts(row.part, placement); ++part) {
    const SiteSpace space = site_space(row, placement, part, network);
    count += space.sites() * static_cast<int64_t>(space.values.size());
  }
  return count;
}

Fault fault_at(SiteKind kind, int64_t index, const Placement& placement, const Network& network) {
  const SiteRow& row = site_row(kind);
  for (int part = 0; part < count_parts(row.part, placement); ++part) {
    const SiteSpace space = site_space(row, placement, part, network);
    const auto each = static_cast<int64_t>(space.values.size());
    const int64_t here = space.sites() * each;
    if (index < here) {
      Fault fault = space.at(index / each);
      fault.value = space.values[static_cast<size_t>(index % each)];
      return fault;
    }
    index -= here;
  }
  throw std::out_of_range("fault_at: index beyond count_faults()");
}

std::vector<Fault> all_faults(SiteKind kind, const Placement& placement, const Network& network) {
  const SiteRow& row = site_row(kind);
  std::vector<Fault> faults;
  for (int part = 0; part < count_parts(row.part, placement); ++part) {
    const SiteSpace space = site_space(row, placement, part, network);
    for (int64_t site = 0; site < space.sites(); ++site) {
      Fault fault = space.at(site);
      for (const int value : space.values) {
        fault.value = value;
        faults.push_back(fault);
      }
    }
  }
  return faults;
}

}  // namespace stuckat
