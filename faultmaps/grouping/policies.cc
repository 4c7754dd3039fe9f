#include "faultmaps/grouping/policies.h"

#include <algorithm>
#include <numeric>

#include "faultmaps/draws.h"
#include "workloads/errors.h"

namespace stuckat::grouping {
namespace {

constexpr int64_t never = ResilienceCurve::never;

double rate_of(const LotView& lot, const std::vector<int>& chips) {
  return lot.measure.rate(fused(lot.chips, chips));
}

std::vector<int> all_chips(const LotView& lot) {
  std::vector<int> chips(lot.chips.size());
  std::iota(chips.begin(), chips.end(), 0);
  return chips;
}

/// Each chip by itself: it gets what `images` says for its rate.
template <class Images>
void alone(const LotView& lot, FleetPlan& plan, const Images& images) {
  for (const int chip : all_chips(lot)) {
    PlannedGroup group{{chip}, rate_of(lot, {chip})};
    group.images = images(group.rate);
    const int64_t needed = lot.curve.images(group.rate);
    group.expected = needed != never && group.images >= needed;
    plan.groups.push_back(std::move(group));
  }
}

void without_retraining(const LotView& lot, const PolicyOptions&, FleetPlan& plan) {
  alone(lot, plan, [](double) { return 0; });
}

void fixed(const LotView& lot, const PolicyOptions& options, FleetPlan& plan) {
  const int64_t images =
      options.fixed_images > 0 ? options.fixed_images : lot.curve.greatest_amount();
  alone(lot, plan, [&](double rate) { return rate > 0 ? images : 0; });
}

/// What a union needs; 0 where nothing is known to help.
int64_t needed_or_none(const LotView& lot, double rate) {
  const int64_t images = lot.curve.images(rate);
  return images == never ? 0 : images;
}

void reduce(const LotView& lot, const PolicyOptions&, FleetPlan& plan) {
  alone(lot, plan, [&](double rate) { return needed_or_none(lot, rate); });
}

/// Puts `group_size` chips together in the order given, fewer where the union would be beyond
/// f_max. Chips that need nothing or that nothing helps stay alone.
void in_order(const LotView& lot, const std::vector<int>& order, int group_size, FleetPlan& plan) {
  SiteSet together;
  PlannedGroup group;
  const auto finish = [&] {
    if (group.chips.empty()) return;
    std::sort(group.chips.begin(), group.chips.end());
    group.images = needed_or_none(lot, group.rate);
    plan.groups.push_back(std::move(group));
    group = {};
  };
  for (const int chip : order) {
    const SiteSet& set = lot.chips[static_cast<size_t>(chip)];
    const double rate = lot.measure.rate(set);
    const int64_t images = lot.curve.images(rate);
    if (images == 0 || images == never) {
      plan.groups.push_back({{chip}, rate, 0, images == 0});
      continue;
    }
    SiteSet with = group.chips.empty() ? set : together;
    with |= set;
    if (static_cast<int>(group.chips.size()) == group_size ||
        lot.curve.images(lot.measure.rate(with)) == never) {
      finish();
      with = set;
    }
    together = std::move(with);
    group.chips.push_back(chip);
    group.rate = lot.measure.rate(together);
  }
  finish();
}

void tre_map(const LotView& lot, const PolicyOptions& options, FleetPlan& plan) {
  in_order(lot, all_chips(lot), options.group_size, plan);
}

void random_groups(const LotView& lot, const PolicyOptions& options, FleetPlan& plan) {
  std::vector<int> order = all_chips(lot);
  Draws draws(options.seed);
  for (size_t i = order.size(); i-- > 1;) {
    std::swap(order[i], order[static_cast<size_t>(draws.below(static_cast<int64_t>(i) + 1))]);
  }
  in_order(lot, order, options.group_size, plan);
}

void efat(const LotView& lot, const PolicyOptions&, FleetPlan& plan) {
  Agglomeration found = agglomerate(lot.chips, lot.measure, lot.curve);
  for (std::vector<int>& chips : found.groups) {
    PlannedGroup group{std::move(chips)};
    group.rate = rate_of(lot, group.chips);
    group.images = needed_or_none(lot, group.rate);
    group.expected = lot.curve.images(group.rate) != never;
    plan.groups.push_back(std::move(group));
  }
  plan.merges = std::move(found.merges);
}

void all_in_one(const LotView& lot, const PolicyOptions&, FleetPlan& plan) {
  PlannedGroup group;
  without_retraining(lot, {}, plan);
  std::vector<PlannedGroup> all = std::move(plan.groups);
  plan.groups.clear();
  for (const PlannedGroup& chip : all) {
    if (lot.curve.images(chip.rate) > 0) {
      group.chips.push_back(chip.chips.front());
    } else {
      plan.groups.push_back(chip);
    }
  }
  // Nothing to train: no chip needs it, or nothing is known to help.
  if (group.chips.empty() || lot.curve.greatest_amount() == 0) {
    plan.groups = std::move(all);
    return;
  }
  group.rate = rate_of(lot, group.chips);
  const int64_t images = lot.curve.images(group.rate);
  group.expected = images != never;
  group.images = group.expected ? images : lot.curve.greatest_amount();
  plan.groups.push_back(std::move(group));
}

/// The policy on those chips that are not known to meet the constraint; the others stay alone.
void plan_the_rest(const Policy& policy, const LotView& lot, const PolicyOptions& options,
                   FleetPlan& plan) {
  std::vector<int> rest;
  std::vector<SiteSet> sets;
  for (const int chip : all_chips(lot)) {
    const auto at = static_cast<size_t>(chip);
    if (lot.meets[at]) {
      plan.groups.push_back({{chip}, rate_of(lot, {chip})});
    } else {
      rest.push_back(chip);
      sets.push_back(lot.chips[at]);
    }
  }
  FleetPlan of_rest;
  policy.plan({sets, lot.measure, lot.curve}, options, of_rest);
  for (PlannedGroup& group : of_rest.groups) {
    for (int& chip : group.chips) chip = rest[static_cast<size_t>(chip)];
    // It misses the constraint as it is.
    if (group.images == 0) group.expected = false;
    plan.groups.push_back(std::move(group));
  }
  // Groups of the rest are numbered as those of the lot.
  const auto of_lot = [&](int group) {
    const auto chips = static_cast<int>(rest.size());
    return group < chips ? rest[static_cast<size_t>(group)]
                         : group - chips + static_cast<int>(lot.chips.size());
  };
  for (Merge& merge : of_rest.merges) {
    merge.older = of_lot(merge.older);
    merge.younger = of_lot(merge.younger);
  }
  plan.merges = std::move(of_rest.merges);
}

}  // namespace

int64_t FleetPlan::images() const {
  int64_t sum = 0;
  for (const PlannedGroup& group : groups) sum += group.images;
  return sum;
}

int64_t FleetPlan::networks() const {
  int64_t retrained = 0;
  bool deployed = false;
  for (const PlannedGroup& group : groups) {
    retrained += group.images > 0 ? 1 : 0;
    deployed = deployed || group.images == 0;
  }
  return retrained + (deployed ? 1 : 0);
}

int64_t FleetPlan::expected_chips() const {
  int64_t chips = 0;
  for (const PlannedGroup& g : groups) chips += g.expected ? std::ssize(g.chips) : 0;
  return chips;
}

const std::vector<Policy>& policies() {
  static const std::vector<Policy> rows = {
      {"none", "nothing: broken parts act, with the deployed network", "", false, false,
       without_retraining},
      {"fap", "broken parts are bypassed, no retraining", "FAP (Zhang, Gu, Basu, Garg, VTS 2018)",
       true, false, without_retraining},
      {"salvage", "as fap, with channels where their weights that count as 0 matter least",
       "SalvageDNN", true, true, without_retraining},
      {"fixed", "each broken chip by itself, the same amount for all",
       "FAP+T (Zhang, Gu, Basu, Garg, VTS 2018)", true, false, fixed},
      {"reduce", "each chip by itself, the amount that its fault rate needs",
       "Reduce (Hanif, Shafique, DATE 2023)", true, false, reduce},
      {"tre-map", "so many chips together as they come, the amount that their union needs",
       "TRE-Map (Hoang, Hanif, Shafique, DSD 2021)", true, false, tre_map},
      {"random", "so many chips together at random, the amount that their union needs", "", true,
       false, random_groups},
      {"efat", "chips together where that saves retraining, the greatest saving first",
       "eFAT (Hanif, Shafique 2023)", true, false, efat},
      {"one", "one network for all broken chips", "", true, false, all_in_one},
  };
  return rows;
}

const Policy& policy(std::string_view name, std::string_view where) {
  std::vector<std::string> known;
  for (const Policy& row : policies()) {
    if (row.name == name) return row;
    known.emplace_back(row.name);
  }
  throw_unknown_name(where, "policy", name, known);
}

FleetPlan plan_fleet(const Policy& policy, const LotView& lot, const PolicyOptions& options) {
  if (options.group_size < 1) {
    throw InputError("group size", std::to_string(options.group_size), "at least 1");
  }
  if (options.fixed_images < 0) {
    throw InputError("fixed amount", std::to_string(options.fixed_images), "0 or more images");
  }
  for (const SiteSet& chip : lot.chips) {
    if (chip.sites() == lot.chips.front().sites() &&
        (lot.measure.per_site.empty() ? lot.measure.total : std::ssize(lot.measure.per_site)) ==
            chip.sites()) {
      continue;
    }
    throw InputError("lot of chips", "a chip of " + std::to_string(chip.sites()) + " sites",
                     "chips of one kind, and a measure of their sites");
  }
  FleetPlan plan;
  plan.policy = policy.name;
  plan.bypass = policy.bypass;
  plan.assigns = policy.assigns;
  if (!policy.bypass && !lot.unrepaired.empty()) {
    policy.plan({lot.unrepaired, lot.measure, lot.curve}, options, plan);
  } else if (lot.meets.empty() || !policy.bypass || policy.assigns) {
    policy.plan(lot, options, plan);
  } else {
    plan_the_rest(policy, lot, options, plan);
  }
  std::sort(plan.groups.begin(), plan.groups.end(),
            [](const auto& a, const auto& b) { return a.chips < b.chips; });
  return plan;
}

FleetPlan within_budget(FleetPlan plan, const LotView& lot, int64_t images) {
  if (images < 0) throw InputError("budget", std::to_string(images), "0 or more images");
  std::vector<const PlannedGroup*> order;
  for (const PlannedGroup& g : plan.groups) order.push_back(&g);
  // Groups of `none` and FAP take nothing. chips(a) / images(a) > chips(b) / images(b).
  const auto better = [](const PlannedGroup* a, const PlannedGroup* b) {
    if (a->expected != b->expected) return a->expected;
    return static_cast<double>(a->chips.size()) * static_cast<double>(b->images) >
           static_cast<double>(b->chips.size()) * static_cast<double>(a->images);
  };
  std::stable_sort(order.begin(), order.end(), better);
  FleetPlan result{plan.policy, plan.bypass, plan.assigns, {}, plan.merges};
  for (const PlannedGroup* g : order) {
    if (g->images == 0 || (g->expected && g->images <= images)) {
      images -= g->images;
      result.groups.push_back(*g);
      continue;
    }
    for (const int chip : g->chips) {
      const double rate = rate_of(lot, {chip});
      const bool expected = lot.meets.empty() && lot.curve.images(rate) == 0;
      result.groups.push_back({{chip}, rate, 0, expected});
    }
  }
  std::sort(result.groups.begin(), result.groups.end(),
            [](const auto& a, const auto& b) { return a.chips < b.chips; });
  if (std::none_of(result.groups.begin(), result.groups.end(),
                   [](const auto& g) { return g.chips.size() > 1; })) {
    result.merges.clear();
  }
  return result;
}

}  // namespace stuckat::grouping
