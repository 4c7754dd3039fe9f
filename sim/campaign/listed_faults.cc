#include "sim/campaign/listed_faults.h"

#include <algorithm>
#include <unordered_set>

#include "faultmaps/lower.h"
#include "faultmaps/normal_form.h"
#include "faultmaps/timeline.h"
#include "workloads/errors.h"

namespace stuckat::campaign {
namespace {

bool has_flip(const FaultItem& item) {
  const auto& faults = item.map.faults;
  return std::any_of(faults.begin(), faults.end(), [](const Fault& f) { return f.is_flip(); });
}

}  // namespace

void SharedInfo::add(const FaultInfo& next) {
  if (!any_) {
    shared_ = next;
    any_ = true;
    return;
  }
  if (shared_.layer != next.layer) shared_.layer = -1;
  if (shared_.channel != next.channel) shared_.channel = -1;
  if (shared_.y != next.y || shared_.x != next.x) shared_.y = shared_.x = -1;
  if (shared_.part != next.part) shared_.part.clear();
  if (shared_.pe != next.pe || shared_.part.empty()) shared_.pe = -1;
  if (shared_.level != next.level) shared_.level = FaultInfo::no_level;
}

void SharedInfo::add(const std::vector<Fault>& faults, const Placement& placement) {
  const Fault* last = nullptr;
  FaultInfo info;
  for (const Fault& fault : faults) {
    const bool is_neighbour = last != nullptr && last->kind == fault.kind &&
                              last->part == fault.part &&
                              last->coordinates[0] == fault.coordinates[0];
    if (is_neighbour)
      info.level = fault.value;  // no row has its PE among the other coordinates
    else
      info = site_info(fault, placement);
    last = &fault;
    add(info);
    const bool nothing = shared_.layer < 0 && shared_.part.empty() &&
                         shared_.level == FaultInfo::no_level && shared_.channel < 0 &&
                         shared_.y < 0;
    if (nothing) return;
  }
}

FaultInfo SharedInfo::with_id(const std::string& id) const {
  FaultInfo result = shared_;
  result.id = id;
  return result;
}

ListedSource::ListedSource(const Network& network, const Placement* placement,
                           std::vector<FaultItem> items, const std::string& where,
                           std::vector<Stratum> strata)
    : network_(network), items_(std::move(items)) {
  if (placement != nullptr) {
    placement_ = *placement;
    accelerator_hash_ = placement_hash_ = content_hash(*placement);
    if (placement->run != nullptr && std::any_of(items_.begin(), items_.end(), has_flip)) {
      placement_hash_ = content_hash_with_run(*placement);
      run_images_ = placement->run->images();
    }
  }
  std::unordered_set<std::string_view> seen;
  for (const FaultItem& item : items_) {
    if (item.id.empty() || !seen.insert(item.id).second) {
      throw InputError(where, "fault '" + item.id + "' is there twice, or has no name",
                       "unique identifiers");
    }
    SharedInfo shared;
    for (const FaultInfo& info : item.element_infos) shared.add(info);
    if (placement != nullptr) shared.add(item.map.faults, *placement);
    infos_.push_back(shared.with_id(item.id));
  }
  strata_ = strata.empty() ? strata_of(*this, network_) : std::move(strata);
}

Effects ListedSource::effects(int64_t index) const {
  const FaultItem& of = item(index);
  Effects result;
  if (!of.map.faults.empty()) result = lower(of.map, *placement_, network_);
  if (!of.weight_bits.empty()) add_weight_bits(network_, of.weight_bits, of.id, result);
  if (of.elements.empty()) return result;
  result.elements.insert(result.elements.begin(), of.elements.begin(), of.elements.end());
  normalize(result);
  return result;
}

std::vector<std::string> ListedSource::parts(int64_t index) const {
  const FaultItem& of = item(index);
  if (!of.written.empty()) return of.written;
  std::vector<std::string> names;
  for (const Fault& fault : of.map.faults) names.push_back(name(fault));
  return names;
}

void ListedSource::hash_parts(int64_t index, Hasher& hasher) const {
  const FaultItem& of = item(index);
  if (!of.written.empty()) return Source::hash_parts(index, hasher);
  hasher.add(of.map.faults.size());
  std::string text;
  for (const Fault& fault : of.map.faults) {
    text.clear();
    append_name(fault, text);
    hasher.add(text);
  }
}

}  // namespace stuckat::campaign
