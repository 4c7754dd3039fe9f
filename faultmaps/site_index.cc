#include "faultmaps/site_index.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "workloads/errors.h"

namespace stuckat {
namespace {

std::string values_text(const std::vector<int>& values) {
  std::string text = "one of";
  for (const int v : values) text += " " + std::to_string(v);
  return text;
}

void check_fault(const Fault& fault, const SiteSpace& space, const std::string& where) {
  for (size_t i = 0; i < fault.coordinates.size(); ++i) {
    const int c = fault.coordinates[i];
    if (c >= 0 && c < space.counts[i]) continue;
    if (i >= space.row->coordinates.size()) {
      throw InputError(where, name(fault) + " has a coordinate too many");
    }
    const int count = space.counts[i];
    throw InputError(
        where, name(fault) + ": " + space.row->coordinates[i].name + " " + std::to_string(c),
        count == 0 ? "none: the part has no such site" : "0 to " + std::to_string(count - 1));
  }
  if (fault.is_flip()) {
    if (space.row->flips()) return;
    std::string known;
    for (const SiteRow& row : site_table()) {
      if (row.flips()) known += (known.empty() ? "" : ", ") + std::string(row.name);
    }
    throw InputError(where, name(fault) + ": no flip is modelled there",
                     "a permanent fault, or a flip in " + known);
  }
  if (std::find(space.values.begin(), space.values.end(), fault.value) == space.values.end()) {
    throw InputError(where, name(fault) + ": value " + std::to_string(fault.value),
                     values_text(space.values));
  }
}

}  // namespace

int64_t SiteSpace::sites() const {
  int64_t result = 1;
  for (const int count : counts) result *= count;
  return result;
}

Fault SiteSpace::at(int64_t site) const {
  Fault fault;
  fault.kind = row->kind;
  fault.part = part;
  if (site > INT32_MAX) {
    for (size_t i = row->coordinates.size(); i-- > 0;) {
      fault.coordinates[i] = static_cast<int>(site % counts[i]);
      site /= counts[i];
    }
    return fault;
  }
  auto left = static_cast<uint32_t>(site);  // which is divided sooner
  for (size_t i = row->coordinates.size(); i-- > 0;) {
    const auto count = static_cast<uint32_t>(counts[i]);
    fault.coordinates[i] = static_cast<int>(left % count);
    left /= count;
  }
  return fault;
}

int64_t SiteSpace::site_of(const Fault& fault) const {
  int64_t site = 0;
  for (size_t i = 0; i < row->coordinates.size(); ++i) {
    site = site * counts[i] + fault.coordinates[i];
  }
  return site;
}

SiteSpace site_space(const SiteRow& row, const Placement& placement, int part,
                     const Network& network) {
  SiteSpace space;
  space.row = &row;
  space.part = part_name(row.part, placement, part);
  space.counts.fill(1);
  for (size_t i = 0; i < row.coordinates.size(); ++i) {
    space.counts[i] = row.coordinates[i].count(placement, part, network);
  }
  space.values = site_values(row, placement, part, network);
  return space;
}

SiteGrid grid_of(const SiteSpace& space) {
  SiteGrid grid;
  const auto& coordinates = space.row->coordinates;
  size_t row = coordinates.size();
  for (size_t i = 0; i < coordinates.size(); ++i) {
    const std::string_view name = coordinates[i].name;
    if (name == "address" || name == "slot" || name == "cell") row = i;
  }
  grid.is_memory = row < coordinates.size();
  const bool of_pe = !grid.is_memory && std::string_view(coordinates[0].name) == "pe";
  if (of_pe) row = 0;
  for (size_t i = 0; i < coordinates.size(); ++i) {
    const int64_t count = space.counts[i];
    const bool is_column = !of_pe || std::string_view(coordinates[i].name) == "lane";
    if (i == row) {
      grid.rows = count;
    } else if (i < row && grid.is_memory) {
      grid.planes *= count;
      ++grid.plane_coordinates;
    } else if (is_column) {
      grid.columns *= count;
    } else {
      grid.depth *= count;
    }
  }
  return grid;
}

SiteIndex::SiteIndex(const Placement& placement, const Network& network)
    : accelerator_(placement.accelerator), accelerator_hash_(content_hash(placement)) {
  for (const SiteRow& row : site_table()) {
    first_of_kind_.push_back(spaces_.size());
    for (int part = 0; part < count_parts(row.part, placement); ++part) {
      auto& of_this_part = by_part_[part_name(row.part, placement, part)];
      if (of_this_part.empty()) parts_.push_back(part_name(row.part, placement, part));
      of_this_part.push_back(spaces_.size());
      spaces_.push_back(site_space(row, placement, part, network));
    }
  }
  first_of_kind_.push_back(spaces_.size());
}

std::span<const SiteSpace> SiteIndex::of(SiteKind kind) const {
  const auto k = static_cast<size_t>(kind);
  return std::span(spaces_).subspan(first_of_kind_[k], first_of_kind_[k + 1] - first_of_kind_[k]);
}

const SiteSpace* SiteIndex::find(SiteKind kind, std::string_view part) const {
  const auto found = by_part_.find(part);
  if (found == by_part_.end()) return nullptr;
  for (const size_t i : found->second) {
    if (spaces_[i].row->kind == kind) return &spaces_[i];
  }
  return nullptr;
}

std::vector<const SiteSpace*> SiteIndex::of_part(std::string_view part) const {
  std::vector<const SiteSpace*> result;
  const auto found = by_part_.find(part);
  if (found == by_part_.end()) return result;
  for (const size_t i : found->second) result.push_back(&spaces_[i]);
  return result;
}

const SiteSpace& SiteIndex::space_of(const Fault& fault, const std::string& where) const {
  if (const SiteSpace* space = find(fault.kind, fault.part)) return *space;
  std::vector<std::string> known;
  for (const SiteSpace& s : of(fault.kind)) known.push_back(s.part);
  throw_unknown_name(where,
                     "part of " + accelerator_ + " with " + site_row(fault.kind).name + " sites",
                     fault.part, known);
}

void SiteIndex::check(const Fault& fault, const std::string& where) const {
  check_fault(fault, space_of(fault, where), where);
}

void SiteIndex::check(std::span<const Fault> faults, const std::string& where) const {
  const SiteSpace* space = nullptr;
  for (size_t i = 0; i < faults.size(); ++i) {
    const Fault& fault = faults[i];
    if (i == 0 || fault.kind != faults[i - 1].kind || fault.part != faults[i - 1].part) {
      space = &space_of(fault, where);
    }
    check_fault(fault, *space, where);
  }
}

void SiteIndex::check_made_for(const std::string& accelerator, const std::string& hash,
                               const std::string& where) const {
  if (!accelerator.empty() && accelerator != accelerator_) {
    throw InputError(where, "a fault map for " + accelerator, accelerator_);
  }
  if (hash.empty() || hash == accelerator_hash_) return;
  constexpr size_t shown = 12;
  throw InputError(where,
                   "a fault map for another folding of " + accelerator_ + " (content " +
                       hash.substr(0, shown) + ")",
                   "one for content " + accelerator_hash_.substr(0, shown));
}

namespace {

/// Neighbours of one kind at one part.
struct FaultsOfPart {
  std::vector<Fault>::iterator begin;
  std::vector<Fault>::iterator end;
};

/// Sorts. Maps are mostly made part by part: it is enough then to put the parts in order.
void sort_faults(std::vector<Fault>& faults) {
  std::vector<FaultsOfPart> parts;
  for (auto at = faults.begin(); at != faults.end();) {
    const auto end = std::find_if(at + 1, faults.end(), [&](const Fault& f) {
      return f.kind != at->kind || f.part != at->part;
    });
    parts.push_back({at, end});
    at = end;
  }
  const auto before = [](const FaultsOfPart& a, const FaultsOfPart& b) {
    return std::tie(a.begin->kind, a.begin->part) < std::tie(b.begin->kind, b.begin->part);
  };
  for (const FaultsOfPart& part : parts) {
    const auto less = [](const Fault& a, const Fault& b) {  // of one kind and part
      return std::tie(a.coordinates, a.value, a.flip_cycle) <
             std::tie(b.coordinates, b.value, b.flip_cycle);
    };
    if (!std::is_sorted(part.begin, part.end, less)) std::sort(part.begin, part.end, less);
  }
  const auto not_before = [&](const auto& a, const auto& b) { return !before(a, b); };
  if (std::adjacent_find(parts.begin(), parts.end(), not_before) == parts.end()) return;
  std::sort(parts.begin(), parts.end(), before);
  if (std::adjacent_find(parts.begin(), parts.end(), not_before) != parts.end()) {
    std::sort(faults.begin(), faults.end());  // a part that is there in several pieces
    return;
  }
  std::vector<Fault> sorted;
  sorted.reserve(faults.size());
  for (const FaultsOfPart& part : parts)
    std::move(part.begin, part.end, std::back_inserter(sorted));
  faults = std::move(sorted);
}

/// Sorted, and no site has two: as drawn maps are.
bool is_in_order(const std::vector<Fault>& faults) {
  const auto not_before = [](const Fault& a, const Fault& b) {
    if (a.kind != b.kind || a.part != b.part) {
      return std::tie(a.kind, a.part) > std::tie(b.kind, b.part);
    }
    return a.coordinates >= b.coordinates;
  };
  return std::adjacent_find(faults.begin(), faults.end(), not_before) == faults.end();
}

}  // namespace

void validate(FaultMap& map, const SiteIndex& sites, const std::string& where) {
  sites.check_made_for(map.accelerator, map.accelerator_hash, where);
  if (is_in_order(map.faults)) return sites.check(map.faults, where);
  sort_faults(map.faults);
  map.faults.erase(std::unique(map.faults.begin(), map.faults.end()), map.faults.end());
  sites.check(map.faults, where);
  for (size_t i = 0; i < map.faults.size(); ++i) {
    const Fault& fault = map.faults[i];
    for (size_t k = i; k-- > 0 && !fault.is_flip();) {
      const Fault& before = map.faults[k];
      if (before.coordinates != fault.coordinates || before.kind != fault.kind ||
          before.part != fault.part) {
        break;
      }
      if (before.is_flip()) continue;
      throw InputError(where, name(before) + " and " + name(fault), "a site stuck at one value");
    }
  }
}

}  // namespace stuckat
