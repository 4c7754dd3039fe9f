#include "faultmaps/operations.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "workloads/errors.h"

namespace stuckat {
namespace {

auto site(const Fault& f) { return std::tie(f.kind, f.part, f.coordinates); }

std::string common_accelerator(const FaultMap& first, const FaultMap& second,
                               const std::string& where) {
  if (first.accelerator.empty()) return second.accelerator;
  if (!second.accelerator.empty() && first.accelerator != second.accelerator) {
    throw InputError(where, "a fault map for " + second.accelerator, first.accelerator);
  }
  return first.accelerator;
}

/// Walks through two sorted maps site by site: visit(a, b), one of them nullptr where only one map
/// has the site.
template <typename Visit>
void for_each_site(const FaultMap& first, const FaultMap& second, Visit visit) {
  auto a = first.faults.begin();
  auto b = second.faults.begin();
  while (a != first.faults.end() || b != second.faults.end()) {
    if (b == second.faults.end() || (a != first.faults.end() && site(*a) < site(*b))) {
      visit(&*a++, static_cast<const Fault*>(nullptr));
    } else if (a == first.faults.end() || site(*b) < site(*a)) {
      visit(static_cast<const Fault*>(nullptr), &*b++);
    } else {
      visit(&*a++, &*b++);
    }
  }
}

}  // namespace

bool same_site(const Fault& a, const Fault& b) { return site(a) == site(b); }

std::vector<std::pair<Fault, Fault>> contradictions(const FaultMap& first, const FaultMap& second) {
  std::vector<std::pair<Fault, Fault>> result;
  for_each_site(first, second, [&](const Fault* a, const Fault* b) {
    if (a != nullptr && b != nullptr && a->value != b->value) result.emplace_back(*a, *b);
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
  FaultMap result{common_accelerator(first, second, where), {}};
  if (rule == Contradiction::refuse) {
    const auto both = contradictions(first, second);
    if (!both.empty()) {
      std::string what = name(both[0].first) + " and " + name(both[0].second);
      if (both.size() > 1) what += " and " + std::to_string(both.size() - 1) + " more sites";
      throw InputError(where, what, "sites stuck at one value, or a rule for contradictions");
    }
  }
  for_each_site(first, second, [&](const Fault* a, const Fault* b) {
    if (a == nullptr || b == nullptr) {
      result.faults.push_back(a != nullptr ? *a : *b);
    } else if (a->value == b->value || rule == Contradiction::first_wins) {
      result.faults.push_back(*a);
    } else if (rule == Contradiction::last_wins) {
      result.faults.push_back(*b);
    }
  });
  return result;
}

FaultMap intersect(const FaultMap& first, const FaultMap& second, const std::string& where) {
  FaultMap result{common_accelerator(first, second, where), {}};
  std::set_intersection(first.faults.begin(), first.faults.end(), second.faults.begin(),
                        second.faults.end(), std::back_inserter(result.faults));
  return result;
}

FaultMap subtract(const FaultMap& first, const FaultMap& second, const std::string& where) {
  FaultMap result{common_accelerator(first, second, where), {}};
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
  common_accelerator(first, second, where);
  MapDistance result;
  for_each_site(first, second, [&](const Fault* a, const Fault* b) {
    if (b == nullptr) {
      ++result.only_first;
    } else if (a == nullptr) {
      ++result.only_second;
    } else {
      ++(a->value == b->value ? result.common : result.contradicting);
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
