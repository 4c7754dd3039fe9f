// Fleets: the fast agglomeration against the obvious one, and what must hold of every policy.
#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "faultmaps/grouping/policies.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"
#include "workloads/errors.h"

using namespace stuckat;
using namespace stuckat::grouping;

namespace {

using Random = std::mt19937_64;

struct Lot {
  std::vector<SiteSet> chips;
  Measure measure;
  ResilienceCurve curve{{}};

  LotView view() const { return {chips, measure, curve}; }
};

/// E of the shapes that matter: a fixed part and a slope, through 0, steps, flat, convex.
ResilienceCurve random_curve(Random& random) {
  std::vector<ResilienceCurve::Point> points;
  const int shape = static_cast<int>(random() % 5);
  double rate = 0;
  int64_t images = shape == 1 ? 0 : static_cast<int64_t>(random() % 50);
  const int count = 1 + static_cast<int>(random() % 5);
  for (int i = 0; i < count; ++i) {
    rate += 0.02 + 0.1 * static_cast<double>(random() % 100) / 100;
    if (shape == 0) images += 20;
    if (shape == 1) images = static_cast<int64_t>(1000 * rate);
    if (shape == 2) images += random() % 2 == 0 ? 0 : 30;
    if (shape == 4) images = 2 * images + 1;
    points.push_back({std::min(rate, 1.0), images});
  }
  return ResilienceCurve(points);
}

Lot random_lot(uint64_t seed) {
  Random random(seed);
  Lot lot;
  const auto sites = static_cast<int64_t>(5 + random() % 150);
  const auto count = static_cast<int>(1 + random() % 24);
  const double mean = 0.2 * static_cast<double>(random() % 100) / 100;
  for (int chip = 0; chip < count; ++chip) {
    SiteSet set(sites);
    const double rate =
        random() % 8 == 0 ? 0 : 2 * mean * static_cast<double>(random() % 100) / 100;
    for (int64_t site = 0; site < sites; ++site) {
      if (static_cast<double>(random() % 10000) / 10000 < rate) set.insert(site);
    }
    // Equal chips and parts of others make ties and full overlaps.
    if (chip > 0 && random() % 5 == 0) set = lot.chips[random() % lot.chips.size()];
    if (chip > 0 && random() % 7 == 0) set |= lot.chips[random() % lot.chips.size()];
    lot.chips.push_back(set);
  }
  lot.measure = Measure::of_sites(sites);
  if (random() % 3 == 0) {
    std::vector<int32_t> weights;
    for (int64_t site = 0; site < sites; ++site) {
      weights.push_back(static_cast<int32_t>(random() % 4));
    }
    weights.front() = 1;
    lot.measure = Measure::of_weights("weights", weights);
  }
  lot.curve = random_curve(random);
  return lot;
}

/// Every pair is looked at before every merge.
Agglomeration obvious(const Lot& lot) {
  struct Group {
    int number;
    SiteSet set;
    std::vector<int> chips;
  };
  std::vector<Group> groups;
  for (size_t chip = 0; chip < lot.chips.size(); ++chip) {
    groups.push_back({static_cast<int>(chip), lot.chips[chip], {static_cast<int>(chip)}});
  }
  const auto images = [&](const SiteSet& set) { return lot.curve.images(lot.measure.rate(set)); };
  Agglomeration result;
  int next = static_cast<int>(groups.size());
  while (true) {
    Merge best;
    size_t at_older = 0, at_younger = 0;
    for (size_t a = 0; a < groups.size(); ++a) {
      for (size_t b = a + 1; b < groups.size(); ++b) {
        SiteSet together = groups[a].set;
        together |= groups[b].set;
        const int64_t after = images(together);
        if (after == ResilienceCurve::never) continue;
        const int64_t overlap = lot.measure.amount(groups[a].set) +
                                lot.measure.amount(groups[b].set) - lot.measure.amount(together);
        const Merge merge{groups[a].number, groups[b].number,
                          images(groups[a].set) + images(groups[b].set) - after, overlap, after};
        const auto key = [](const Merge& m) {
          return std::make_tuple(m.reward, m.overlap, -m.younger, m.older);
        };
        if (merge.reward > 0 && (best.reward == 0 || key(best) < key(merge))) {
          best = merge;
          at_older = a;
          at_younger = b;
        }
      }
    }
    if (best.reward == 0) break;
    result.merges.push_back(best);
    Group merged{next++, groups[at_older].set, groups[at_older].chips};
    merged.set |= groups[at_younger].set;
    merged.chips.insert(merged.chips.end(), groups[at_younger].chips.begin(),
                        groups[at_younger].chips.end());
    groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(at_younger));
    groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(at_older));
    groups.push_back(std::move(merged));
  }
  for (Group& g : groups) {
    std::sort(g.chips.begin(), g.chips.end());
    result.groups.push_back(g.chips);
  }
  std::sort(result.groups.begin(), result.groups.end());
  return result;
}

}  // namespace

TEST_CASE("a set of sites is a std::set") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const auto sites = static_cast<int64_t>(1 + random() % 300);
    std::set<int32_t> oracle[2];
    SiteSet sets[2] = {SiteSet(sites), SiteSet(sites)};
    for (int i = 0; i < 100; ++i) {
      const auto site = static_cast<int32_t>(random() % static_cast<uint64_t>(sites));
      oracle[i % 2].insert(site);
      sets[i % 2].insert(site);
    }
    std::set<int32_t> both;
    for (const int32_t site : oracle[0]) {
      CHECK(sets[0].contains(site));
      if (oracle[1].count(site) > 0) both.insert(site);
    }
    CHECK(sets[0].common(sets[1]) == std::ssize(both));
    oracle[0].insert(oracle[1].begin(), oracle[1].end());
    sets[0] |= sets[1];
    CHECK(sets[0].members() == std::vector<int32_t>(oracle[0].begin(), oracle[0].end()));
    CHECK(sets[0].count() == std::ssize(oracle[0]));
    CHECK(sets[0].includes(sets[1]));
  }
  const std::vector<int64_t> outside = {4};
  CHECK_THROWS_AS(SiteSet(4, outside), InputError);
}

TEST_CASE("E is 0 at 0, the points at the points, linear and rounded up between, never beyond") {
  const ResilienceCurve curve({{0.1, 100}, {0.2, 201}, {0.4, 201}});
  CHECK(curve.images(0) == 0);
  CHECK(curve.images(1e-9) == 100);
  CHECK(curve.images(0.1) == 100);
  CHECK(curve.images(0.15) == 151);
  CHECK(curve.images(0.2) == 201);
  CHECK(curve.images(0.3) == 201);
  CHECK(curve.images(0.4) == 201);
  CHECK(curve.images(0.41) == ResilienceCurve::never);
  CHECK(curve.fixed_part() == 100);
  CHECK(curve.greatest_rate() == 0.4);
  CHECK(curve.saving(0.1, 2) == 200 - curve.images(1 - 0.9 * 0.9));
  CHECK(curve.saving(0.3, 2) == -ResilienceCurve::never);
  CHECK(ResilienceCurve({}).images(0.01) == ResilienceCurve::never);
  CHECK_THROWS_AS(ResilienceCurve({{0.2, 1}, {0.1, 2}}), InputError);
  CHECK_THROWS_AS(ResilienceCurve({{0.1, 2}, {0.2, 1}}), InputError);
  CHECK_THROWS_AS(ResilienceCurve({{0.0, 2}}), InputError);
}

TEST_CASE("through 0 nothing is saved, with a fixed part all of it but once") {
  const ResilienceCurve linear({{0.001, 1}, {1, 1000}});
  CHECK(linear.saving(0.01, 5) <= 5);  // the overlap, and rounding
  const ResilienceCurve fixed({{0.001, 501}, {1, 1500}});
  CHECK(fixed.saving(0.01, 5) >= 4 * 500);
  CHECK(fixed.saving(0.01, 5) <= 4 * 500 + 10);
}

TEST_CASE("the lazily updated agglomeration is the obvious one, merge by merge, ties included") {
  int64_t merges = 0, ties = 0, overlaps = 0, groups_of_three = 0, weighted = 0;
  for (uint64_t seed = 0; seed < 600; ++seed) {
    INFO("seed " << seed);
    const Lot lot = random_lot(seed);
    const Agglomeration slow = obvious(lot);
    const Agglomeration fast = agglomerate(lot.chips, lot.measure, lot.curve);
    REQUIRE(fast.merges == slow.merges);
    REQUIRE(fast.groups == slow.groups);
    merges += std::ssize(slow.merges);
    weighted += lot.measure.per_site.empty() ? 0 : std::ssize(slow.merges);
    for (size_t i = 0; i < slow.merges.size(); ++i) {
      overlaps += slow.merges[i].overlap > 0 ? 1 : 0;
      ties += i > 0 && slow.merges[i].reward == slow.merges[i - 1].reward ? 1 : 0;
    }
    for (const auto& group : slow.groups) groups_of_three += group.size() >= 3 ? 1 : 0;
  }
  CHECK(merges > 1000);
  CHECK(ties > 200);
  CHECK(overlaps > 200);
  CHECK(groups_of_three > 100);
  CHECK(weighted > 100);
}

TEST_CASE("amounts never rise over merges, and their rewards add up to what is saved") {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    INFO("seed " << seed);
    const Lot lot = random_lot(seed);
    const FleetPlan reduce = plan_fleet(policy("reduce", ""), lot.view(), {});
    const FleetPlan efat = plan_fleet(policy("efat", ""), lot.view(), {});
    int64_t saved = 0;
    for (const Merge& m : efat.merges) {
      CHECK(m.reward > 0);
      saved += m.reward;
    }
    CHECK(reduce.images() - efat.images() == saved);
    CHECK(efat.expected_chips() == reduce.expected_chips());
  }
}

TEST_CASE("where no merge pays, groups are single chips and eFAT is Reduce") {
  int64_t alone = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Lot lot = random_lot(seed);
    // E(f) of a power of f above 1 and no fixed part is super-additive on disjoint chips.
    std::vector<ResilienceCurve::Point> points;
    for (int i = 1; i <= 100; ++i) points.push_back({i / 100.0, 100LL * i * i * i});
    lot.curve = ResilienceCurve(points);
    for (size_t chip = 0; chip < lot.chips.size(); ++chip) {
      SiteSet only(lot.chips[chip].sites());
      for (int64_t site = static_cast<int64_t>(chip); site < only.sites();
           site += std::ssize(lot.chips)) {
        if (lot.chips[chip].contains(site)) only.insert(site);
      }
      lot.chips[chip] = only;
    }
    lot.measure = Measure::of_sites(lot.chips.front().sites());
    FleetPlan efat = plan_fleet(policy("efat", ""), lot.view(), {});
    if (!efat.merges.empty()) continue;  // rounding of E up may still pay
    FleetPlan reduce = plan_fleet(policy("reduce", ""), lot.view(), {});
    CHECK(efat.groups == reduce.groups);
    ++alone;
  }
  CHECK(alone > 50);
}

TEST_CASE("every policy puts every chip into one group, within f_max where it expects success") {
  std::map<std::string, int64_t> grouped;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Lot lot = random_lot(seed);
    const PolicyOptions options{static_cast<int>(1 + seed % 4), 0, seed};
    for (const Policy& row : policies()) {
      INFO("seed " << seed << " " << row.name);
      const FleetPlan plan = plan_fleet(row, lot.view(), options);
      CHECK(plan == plan_fleet(row, lot.view(), options));
      std::vector<int> chips;
      for (const PlannedGroup& g : plan.groups) {
        chips.insert(chips.end(), g.chips.begin(), g.chips.end());
        CHECK(std::is_sorted(g.chips.begin(), g.chips.end()));
        CHECK(g.rate == lot.measure.rate(fused(lot.chips, g.chips)));
        const int64_t needed = lot.curve.images(g.rate);
        CHECK(g.expected == (needed != ResilienceCurve::never && g.images >= needed));
        grouped[row.name] += g.chips.size() > 1 ? 1 : 0;
      }
      std::sort(chips.begin(), chips.end());
      std::vector<int> all(lot.chips.size());
      std::iota(all.begin(), all.end(), 0);
      CHECK(chips == all);
    }
  }
  for (const char* name : {"tre-map", "random", "efat", "one"}) CHECK(grouped[name] > 20);
  for (const char* name : {"none", "fap", "salvage", "fixed", "reduce"}) CHECK(grouped[name] == 0);
}

TEST_CASE("groups of one chip are Reduce, whatever puts them together") {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Lot lot = random_lot(seed);
    const PolicyOptions single{1, 0, seed};
    const FleetPlan reduce = plan_fleet(policy("reduce", ""), lot.view(), single);
    CHECK(plan_fleet(policy("tre-map", ""), lot.view(), single).groups == reduce.groups);
    CHECK(plan_fleet(policy("random", ""), lot.view(), single).groups == reduce.groups);
  }
}

TEST_CASE(
    "chips that are known to meet the constraint stay alone, the others are planned as a lot") {
  int merged = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    INFO("seed " << seed);
    Random random(seed);
    const Lot lot = random_lot(seed);
    Lot rest;
    rest.measure = lot.measure;
    rest.curve = lot.curve;
    LotView view = lot.view();
    std::vector<int> chips;
    for (size_t chip = 0; chip < lot.chips.size(); ++chip) {
      view.meets.push_back(random() % 2 == 0);
      if (view.meets.back()) continue;
      chips.push_back(static_cast<int>(chip));
      rest.chips.push_back(lot.chips[chip]);
    }
    for (const Policy& row : policies()) {
      const FleetPlan plan = plan_fleet(row, view, {3, 50, 1});
      if (!row.bypass || row.assigns) {
        CHECK(plan == plan_fleet(row, lot.view(), {3, 50, 1}));
        continue;
      }
      const FleetPlan alone = plan_fleet(row, rest.view(), {3, 50, 1});
      std::set<std::vector<int>> expected;
      for (PlannedGroup group : alone.groups) {
        for (int& chip : group.chips) chip = chips[static_cast<size_t>(chip)];
        expected.insert(group.chips);
      }
      for (const PlannedGroup& group : plan.groups) {
        const auto first = static_cast<size_t>(group.chips.front());
        if (view.meets[first]) {
          CHECK(group.chips.size() == 1);
          CHECK(group.images == 0);
          CHECK(group.expected);
        } else {
          CHECK(expected.erase(group.chips) == 1);
          CHECK((group.images > 0 || !group.expected));
        }
      }
      CHECK(expected.empty());
      CHECK(plan.images() == alone.images());
      CHECK(plan.merges.size() == alone.merges.size());
      for (size_t m = 0; m < plan.merges.size(); ++m) {
        const int older = alone.merges[m].older;
        const auto own = static_cast<int>(rest.chips.size());
        CHECK(plan.merges[m].older == (older < own
                                           ? chips[static_cast<size_t>(older)]
                                           : older - own + static_cast<int>(lot.chips.size())));
        CHECK(plan.merges[m].older < plan.merges[m].younger);
        ++merged;
      }
    }
    view.unrepaired = lot.chips;
    CHECK(plan_fleet(policy("none", ""), view, {}) ==
          plan_fleet(policy("none", ""), lot.view(), {}));
  }
  CHECK(merged > 20);
}

TEST_CASE("a budget of 0 is FAP, and no plan exceeds its budget") {
  int64_t cut = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Lot lot = random_lot(seed);
    const FleetPlan fap = plan_fleet(policy("fap", ""), lot.view(), {});
    for (const Policy& row : policies()) {
      INFO("seed " << seed << " " << row.name);
      const FleetPlan plan = plan_fleet(row, lot.view(), {});
      CHECK(within_budget(plan, lot.view(), 0).groups == fap.groups);
      const int64_t budget = plan.images() / 2;
      const FleetPlan half = within_budget(plan, lot.view(), budget);
      CHECK(half.images() <= budget);
      CHECK(half.expected_chips() >= fap.expected_chips());
      cut += half.images() < plan.images() ? 1 : 0;
    }
  }
  CHECK(cut > 100);
}

TEST_CASE("what does not fit is refused") {
  const Lot lot = random_lot(1);
  const auto plan = [&](const LotView& view, const PolicyOptions& options) {
    return test::refusal([&] { plan_fleet(policy("efat", ""), view, options); });
  };
  CHECK_THAT(test::refusal([] { policy("efatt", "--policy"); }), Catch::Contains("'efat'"));
  CHECK_THAT(plan(lot.view(), {0, 0, 1}), Catch::Contains("at least 1"));
  const Measure other = Measure::of_sites(lot.chips.front().sites() + 1);
  CHECK_THAT(plan({lot.chips, other, lot.curve}, {}), Catch::Contains("of one kind"));
  CHECK_THAT(test::refusal([] {
               Measure::of_weights("conv1", {1, -1});
             }),
             Catch::Contains("0 or more"));
  CHECK_THAT(test::refusal([] { Measure::of_weights("conv1", {0, 0}); }), Catch::Contains("1 to"));
}
