#include "faultmaps/operations.h"

#include <algorithm>
#include <map>
#include <span>
#include <tuple>

#include "workloads/errors.h"

namespace stuckat {
namespace {

auto hardware(const Fault& f) { return std::tie(f.kind, f.part, f.coordinates); }

/// Merges sorted neighbours (piece i ends at ends[i+1]) into one sorted whole; those that compare
/// equal stay in their order. n log(pieces).
template <typename T, typename Less>
void merge_pieces(std::vector<T>& all, std::vector<size_t> ends, const Less& less) {
  const auto at = [&](size_t i) { return all.begin() + static_cast<std::ptrdiff_t>(ends[i]); };
  while (ends.size() > 2) {
    std::vector<size_t> merged = {0};
    for (size_t i = 0; i + 1 < ends.size(); i += 2) {
      const size_t last = std::min(i + 2, ends.size() - 1);
      std::inplace_merge(at(i), at(i + 1), at(last), less);
      merged.push_back(ends[last]);
    }
    ends = std::move(merged);
  }
}

/// A healthy chip of the accelerator that both maps were made for.
FaultMap healthy(const FaultMap& first, const FaultMap& second, const std::string& where) {
  FaultMap result{first.accelerator, {}, first.accelerator_hash};
  if (result.accelerator.empty()) result.accelerator = second.accelerator;
  if (result.accelerator_hash.empty()) result.accelerator_hash = second.accelerator_hash;
  if (!second.accelerator.empty() && second.accelerator != result.accelerator) {
    throw InputError(where, "a fault map for " + second.accelerator, result.accelerator);
  }
  if (!second.accelerator_hash.empty() && second.accelerator_hash != result.accelerator_hash) {
    throw InputError(where, "fault maps for different foldings of " + result.accelerator,
                     "maps of one accelerator");
  }
  return result;
}

/// What one of the maps says about a site.
struct Statement {
  const Fault* fault;
  size_t map;
};

/// visit(statements) site by site, in the order of the sites; statements in the order of the maps.
template <typename Visit>
void for_each_site(std::span<const FaultMap* const> maps, const Visit& visit) {
  std::vector<Statement> all;
  std::vector<size_t> ends = {0};  // of the statements of each map
  for (size_t m = 0; m < maps.size(); ++m) {
    for (const Fault& fault : maps[m]->faults) all.push_back({&fault, m});
    ends.push_back(all.size());
  }
  merge_pieces(all, ends, [](const Statement& a, const Statement& b) {
    return hardware(*a.fault) < hardware(*b.fault);
  });
  // At the same hardware: permanent faults before transients, and those by their cycles.
  for (size_t begin = 0, end = 0; begin < all.size(); begin = end) {
    bool any_flip = false;
    for (; end < all.size() && hardware(*all[end].fault) == hardware(*all[begin].fault); ++end) {
      any_flip |= all[end].fault->is_flip();
    }
    const std::span<Statement> here = std::span(all).subspan(begin, end - begin);
    if (!any_flip) {
      visit(here);
      continue;
    }
    std::stable_sort(here.begin(), here.end(), [](const Statement& a, const Statement& b) {
      return a.fault->flip_cycle < b.fault->flip_cycle;
    });
    for (size_t first = 0, last = 0; first < here.size(); first = last) {
      while (last < here.size() && same_site(*here[last].fault, *here[first].fault)) ++last;
      visit(here.subspan(first, last - first));
    }
  }
}

template <typename Visit>
void for_each_site(const FaultMap& first, const FaultMap& second, const Visit& visit) {
  const FaultMap* const maps[] = {&first, &second};
  for_each_site(maps, visit);
}

/// The statements of a site by two maps, if both say something.
bool by_both(std::span<const Statement> statements) { return statements.size() == 2; }

/// Contradictions between a map and the union of those before it.
struct Refused {
  size_t map = SIZE_MAX;
  int64_t sites = 0;
  std::string first;

  void add(size_t other, const Fault& before, const Fault& fault) {
    if (other > map) return;
    if (other < map) *this = {other, 0, name(before) + " and " + name(fault)};
    ++sites;
  }
  void check(const std::string& where) const {
    if (sites == 0) return;
    std::string what = first;
    if (sites > 1) what += " and " + std::to_string(sites - 1) + " more sites";
    throw InputError(where, what, "sites stuck at one value, or a rule for contradictions");
  }
};

FaultMap unite_all(std::span<const FaultMap* const> maps, Contradiction rule,
                   const std::string& where) {
  FaultMap result;
  for (const FaultMap* map : maps) result = healthy(result, *map, where);
  Refused refused;
  for_each_site(maps, [&](std::span<const Statement> statements) {
    const Fault* state = nullptr;  // healthy
    for (const auto& [fault, map] : statements) {
      if (state == nullptr) {
        state = fault;
      } else if (state->value != fault->value) {
        if (rule == Contradiction::refuse) refused.add(map, *state, *fault);
        if (rule == Contradiction::last_wins) state = fault;
        if (rule == Contradiction::drop) state = nullptr;
      }
    }
    if (state != nullptr) result.faults.push_back(*state);
  });
  refused.check(where);
  if (!std::is_sorted(result.faults.begin(), result.faults.end())) {  // with transients
    std::sort(result.faults.begin(), result.faults.end());
  }
  return result;
}

}  // namespace

bool same_site(const Fault& a, const Fault& b) {
  return hardware(a) == hardware(b) && a.flip_cycle == b.flip_cycle;
}

std::vector<std::pair<Fault, Fault>> contradictions(const FaultMap& first, const FaultMap& second) {
  std::vector<std::pair<Fault, Fault>> result;
  for_each_site(first, second, [&](std::span<const Statement> s) {
    if (by_both(s) && s[0].fault->value != s[1].fault->value) {
      result.emplace_back(*s[0].fault, *s[1].fault);
    }
  });
  return result;
}

Contradiction parse_contradiction(std::string_view name, std::string_view where) {
  static const std::vector<std::pair<std::string, Contradiction>> rules = {
      {"refuse", Contradiction::refuse},
      {"first", Contradiction::first_wins},
      {"last", Contradiction::last_wins},
      {"drop", Contradiction::drop}};
  std::vector<std::string> known;
  for (const auto& [rule_name, rule] : rules) {
    if (rule_name == name) return rule;
    known.push_back(rule_name);
  }
  throw_unknown_name(where, "rule", name, known);
}

FaultMap unite(const FaultMap& first, const FaultMap& second, Contradiction rule,
               const std::string& where) {
  const FaultMap* const maps[] = {&first, &second};
  return unite_all(maps, rule, where);
}

FaultMap unite(const std::vector<FaultMap>& maps, Contradiction rule, const std::string& where) {
  std::vector<const FaultMap*> all;
  for (const FaultMap& map : maps) all.push_back(&map);
  return unite_all(all, rule, where);
}

FaultMap intersect(const FaultMap& first, const FaultMap& second, const std::string& where) {
  FaultMap result = healthy(first, second, where);
  std::set_intersection(first.faults.begin(), first.faults.end(), second.faults.begin(),
                        second.faults.end(), std::back_inserter(result.faults));
  return result;
}

FaultMap subtract(const FaultMap& first, const FaultMap& second, const std::string& where) {
  FaultMap result = healthy(first, second, where);
  std::set_difference(first.faults.begin(), first.faults.end(), second.faults.begin(),
                      second.faults.end(), std::back_inserter(result.faults));
  return result;
}

double MapDistance::jaccard() const {
  const int64_t different = only_first + only_second + 2 * contradicting;
  const int64_t all = common + different;
  return all == 0 ? 0 : static_cast<double>(different) / static_cast<double>(all);
}

MapDistance distance(const FaultMap& first, const FaultMap& second, const std::string& where) {
  healthy(first, second, where);
  MapDistance result;
  for_each_site(first, second, [&](std::span<const Statement> s) {
    if (by_both(s)) {
      ++(s[0].fault->value == s[1].fault->value ? result.common : result.contradicting);
    } else {
      ++(s[0].map == 0 ? result.only_first : result.only_second);
    }
  });
  return result;
}

std::vector<SiteCount> count_sites(const FaultMap& map, const SiteIndex& sites) {
  std::map<const SiteSpace*, int64_t> broken;
  for (const Fault& fault : map.faults) ++broken[sites.find(fault.kind, fault.part)];
  std::vector<SiteCount> rows;
  for (const SiteSpace& space : sites.spaces()) {
    if (space.sites() == 0) continue;
    const auto found = broken.find(&space);
    rows.push_back(
        {space.row->kind, space.part, space.sites(), found == broken.end() ? 0 : found->second});
  }
  return rows;
}

LotStatistics lot_statistics(const std::vector<FaultMap>& chips) {
  LotStatistics result;
  if (chips.empty()) return result;
  result.chips = static_cast<int64_t>(chips.size());
  result.least = static_cast<int64_t>(chips.front().faults.size());
  double sum = 0;
  for (const FaultMap& chip : chips) {
    const auto faults = static_cast<int64_t>(chip.faults.size());
    if (faults == 0) ++result.faultless;
    result.least = std::min(result.least, faults);
    result.most = std::max(result.most, faults);
    sum += static_cast<double>(faults);
  }
  const auto n = static_cast<double>(chips.size());
  result.mean = sum / n;
  for (const FaultMap& chip : chips) {
    const double deviation = static_cast<double>(chip.faults.size()) - result.mean;
    result.variance += deviation * deviation / n;
  }
  return result;
}

}  // namespace stuckat
