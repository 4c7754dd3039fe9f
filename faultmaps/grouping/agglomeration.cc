#include "faultmaps/grouping/agglomeration.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <queue>
#include <set>
#include <tuple>

namespace stuckat::grouping {

SetAmounts::SetAmounts(const Measure& measure, const ResilienceCurve& curve)
    : curve_(curve), total_(static_cast<double>(measure.total)) {
  // The greatest amount whose rate, as it is computed below, is not beyond f_max.
  greatest_ = static_cast<int64_t>(curve.greatest_rate() * total_) + 1;
  while (greatest_ > 0 && static_cast<double>(greatest_) / total_ > curve.greatest_rate()) {
    --greatest_;
  }
  constexpr int64_t largest_table = int64_t{1} << 22;
  if (greatest_ > largest_table) return;
  table_.reserve(static_cast<size_t>(greatest_) + 1);
  for (int64_t amount = 0; amount <= greatest_; ++amount) table_.push_back(compute(amount));
}

int64_t SetAmounts::compute(int64_t amount) const {
  return curve_.images(static_cast<double>(amount) / total_);
}

namespace {

constexpr int none = -1;
constexpr int32_t gone = -1;

struct Group {
  std::vector<int32_t> sites;  // ascending; empty once it is merged
  std::vector<int> chips;
  int64_t amount = 0;
  int64_t images = 0;
  bool alive = false;
};

/// What the search for a partner asks of every group, close together.
struct Seen {
  int32_t overlap = 0;  // with the group at hand; else 0
  int32_t amount = gone;
};

/// A group's best merge with an older one.
struct Candidate {
  int64_t reward = 0;
  int64_t overlap = 0;
  int younger = none;
  int older = none;

  /// Greater is better; see agglomerate().
  auto key() const { return std::make_tuple(reward, overlap, -younger, older); }
  bool operator<(const Candidate& other) const { return key() < other.key(); }
};

class Agglomerator {
 public:
  Agglomerator(std::span<const SiteSet> chips, const Measure& measure, const ResilienceCurve& curve)
      : measure_(measure), images_(measure, curve) {
    at_site_.resize(chips.empty() ? 0 : static_cast<size_t>(chips.front().sites()));
    gone_at_site_.resize(at_site_.size());
    groups_.reserve(2 * chips.size());
    seen_.resize(2 * chips.size());
    touched_.resize(2 * chips.size() + 1);
    for (size_t chip = 0; chip < chips.size(); ++chip) {
      Group group;
      group.chips = {static_cast<int>(chip)};
      group.sites = chips[chip].members();
      add(std::move(group));
    }
  }

  Agglomeration run() {
    Agglomeration result;
    while (!heap_.empty()) {
      const Candidate best = heap_.top();
      heap_.pop();
      if (!group(best.younger).alive) continue;
      if (!group(best.older).alive) {
        find_partner(best.younger);
        continue;
      }
      add(merge(best));
      result.merges.push_back(
          {best.older, best.younger, best.reward, best.overlap, groups_.back().images});
    }
    for (Group& g : groups_) {
      if (g.chips.empty()) continue;
      std::sort(g.chips.begin(), g.chips.end());
      result.groups.push_back(std::move(g.chips));
    }
    std::sort(result.groups.begin(), result.groups.end());
    return result;
  }

 private:
  static void prefetch(const void* address) { __builtin_prefetch(address); }
  const std::vector<int>& list_at(int32_t site) const {
    return at_site_[static_cast<size_t>(site)];
  }
  Group& group(int index) { return groups_[static_cast<size_t>(index)]; }

  void add(Group added) {
    const int index = static_cast<int>(groups_.size());
    added.amount = 0;
    for (const int32_t site : added.sites) added.amount += measure_.of(site);
    added.images = images_(added.amount);
    // E does not fall: nothing is saved with a group that needs nothing.
    added.alive = added.images > 0 && added.images < ResilienceCurve::never;
    groups_.push_back(std::move(added));
    const Group& g = groups_.back();
    if (!g.alive) return;
    find_partner(index);
    for (const int32_t site : g.sites) at_site_[static_cast<size_t>(site)].push_back(index);
    by_amount_[g.amount].insert(index);
    seen_[static_cast<size_t>(index)].amount = static_cast<int32_t>(g.amount);
  }

  /// Takes both out and puts them together.
  Group merge(const Candidate& pair) {
    Group& a = group(pair.older);
    Group& b = group(pair.younger);
    Group merged;
    std::set_union(a.sites.begin(), a.sites.end(), b.sites.begin(), b.sites.end(),
                   std::back_inserter(merged.sites));
    merged.chips = std::move(a.chips);
    merged.chips.insert(merged.chips.end(), b.chips.begin(), b.chips.end());
    for (const int index : {pair.older, pair.younger}) {
      Group& part = group(index);
      part.alive = false;
      part.chips.clear();
      seen_[static_cast<size_t>(index)].amount = gone;
      const auto same = by_amount_.find(part.amount);
      same->second.erase(index);
      if (same->second.empty()) by_amount_.erase(same);
      for (const int32_t site : part.sites) forget_at(static_cast<size_t>(site));
      part.sites = {};
    }
    return merged;
  }

  /// One group at the site is gone; lists keep those until they are the half.
  void forget_at(size_t site) {
    auto& list = at_site_[site];
    if (2 * static_cast<size_t>(++gone_at_site_[site]) < list.size()) return;
    list.erase(std::remove_if(list.begin(), list.end(), [&](int g) { return !group(g).alive; }),
               list.end());
    gone_at_site_[site] = 0;
  }

  /// Into the heap, if some merge with an older group pays.
  void find_partner(int younger) {
    const Group& g = group(younger);
    // The next place of touched_ is always written, and kept for a group that is met for the first
    // time: no branch that nobody can foretell.
    size_t touched = 0;
    for (size_t i = 0; i < g.sites.size(); ++i) {
      // Lists lie anywhere in memory: on their way while others are counted.
      constexpr size_t ahead = 8;
      if (i + 2 * ahead < g.sites.size()) prefetch(&list_at(g.sites[i + 2 * ahead]));
      if (i + ahead < g.sites.size()) prefetch(list_at(g.sites[i + ahead]).data());
      const int32_t site = g.sites[i];
      const int32_t weight = measure_.of(site);
      if (weight == 0) continue;
      for (const int other : list_at(site)) {
        if (other >= younger) break;  // lists are in the order of the groups
        int32_t& overlap = seen_[static_cast<size_t>(other)].overlap;
        touched_[touched] = other;
        touched += overlap == 0 ? 1 : 0;
        overlap += weight;
      }
    }
    Candidate best;
    best.reward = 1;  // what a merge saves at least
    const std::span<const int> met(touched_.data(), touched);
    for (const int other : met) {
      const Seen& h = seen_[static_cast<size_t>(other)];
      if (h.amount == gone) continue;
      const int64_t reward =
          g.images + images_(h.amount) - images_(g.amount + h.amount - h.overlap);
      if (reward < best.reward) continue;
      const Candidate candidate{reward, h.overlap, younger, other};
      if (best.older == none || best < candidate) best = candidate;
    }
    consider_strangers(g, younger, best);
    for (const int other : met) seen_[static_cast<size_t>(other)].overlap = 0;
    if (best.older != none) heap_.push(best);
  }

  /// Groups without a common site, by what they come to.
  void consider_strangers(const Group& g, int younger, Candidate& best) {
    for (const auto& [amount, members] : by_amount_) {
      const int64_t together = images_(g.amount + amount);
      if (together == ResilienceCurve::never) break;
      const int64_t reward = g.images + images_(amount) - together;
      if (reward < best.reward || (reward == best.reward && best.overlap > 0)) continue;
      for (auto member = members.lower_bound(younger); member != members.begin();) {
        --member;
        if (seen_[static_cast<size_t>(*member)].overlap > 0) continue;
        const Candidate candidate{reward, 0, younger, *member};
        if (best.older == none || best < candidate) best = candidate;
        break;
      }
    }
  }

  const Measure& measure_;
  const SetAmounts images_;
  std::vector<Group> groups_;
  std::vector<std::vector<int>> at_site_;       // [site]: groups that have it, ascending
  std::vector<int> gone_at_site_;               // [site]: how many of them are gone
  std::map<int64_t, std::set<int>> by_amount_;  // groups that are alive
  std::vector<Seen> seen_;                      // [group]
  std::vector<int> touched_;                    // groups with an overlap, at the front
  std::priority_queue<Candidate> heap_;
};

}  // namespace

Agglomeration agglomerate(std::span<const SiteSet> chips, const Measure& measure,
                          const ResilienceCurve& curve) {
  return Agglomerator(chips, measure, curve).run();
}

}  // namespace stuckat::grouping
