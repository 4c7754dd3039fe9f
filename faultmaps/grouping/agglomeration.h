// Which chips share one retrained network: greedy agglomeration by what each merge saves (eFAT,
// Hanif and Shafique 2023: resilience- and reward-driven grouping and fusion of fault maps).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "faultmaps/grouping/resilience_curve.h"
#include "faultmaps/grouping/site_set.h"

namespace stuckat::grouping {

/// E of a set of sites that comes to some amount of a measure: fast, for millions of questions.
class SetAmounts {
 public:
  SetAmounts(const Measure& measure, const ResilienceCurve& curve);
  /// In images; ResilienceCurve::never where the constraint cannot be met.
  int64_t operator()(int64_t amount) const {
    if (amount > greatest_) return ResilienceCurve::never;
    return table_.empty() ? compute(amount) : table_[static_cast<size_t>(amount)];
  }

 private:
  int64_t compute(int64_t amount) const;

  const ResilienceCurve& curve_;
  double total_ = 1;
  int64_t greatest_ = 0;  // below f_max
  std::vector<int64_t> table_;
};

/// Groups are numbered: group i < chips is chip i alone, then one for each merge, in their order.
struct Merge {
  int older = 0;
  int younger = 0;      ///< older < younger
  int64_t reward = 0;   ///< images saved: E(G) + E(H) - E(G or H) > 0
  int64_t overlap = 0;  ///< of the two, by the measure
  int64_t images = 0;   ///< E of the union

  bool operator==(const Merge&) const = default;
};

struct Agglomeration {
  std::vector<std::vector<int>> groups;  ///< chips ascending; by their first chip
  std::vector<Merge> merges;
};

/// Merges the pair of groups with the greatest reward for as long as that is positive and the union
/// stays within f_max. [choice] Among equal rewards the pair with more overlap, then the one whose
/// younger group is older, then the one whose older group is younger. A chip that needs nothing, or
/// that nothing helps, stays alone.
///
/// Pairs are not listed: each group knows its best partner among older ones, and looks for another
/// one when that is gone and nothing else is better (a lazily updated heap). Overlaps are counted
/// along the sites that a group has, by lists of the groups at each site; groups that have no site
/// in common with it are told apart by their amount alone. Memory O(chips + broken sites).
Agglomeration agglomerate(std::span<const SiteSet> chips, const Measure& measure,
                          const ResilienceCurve& curve);

}  // namespace stuckat::grouping
