// What is done with a lot of broken chips: which of them share a network, and how much each network
// is retrained. A policy is a row; all are planned side by side.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "faultmaps/grouping/agglomeration.h"
#include "faultmaps/grouping/resilience_curve.h"
#include "faultmaps/grouping/site_set.h"

namespace stuckat::grouping {

/// Chips that get the same network.
struct PlannedGroup {
  std::vector<int> chips;  ///< ascending
  double rate = 0;         ///< of the union, by the measure
  int64_t images = 0;      ///< of retraining; 0: the deployed network as it is
  bool expected = true;    ///< to meet the constraint, by the resilience curve

  bool operator==(const PlannedGroup&) const = default;
};

struct FleetPlan {
  std::string policy;
  bool bypass = true;                ///< broken sites are bypassed (FAP); without, they act
  bool assigns = false;              ///< channels get another order on each chip (assignment.h)
  std::vector<PlannedGroup> groups;  ///< every chip in one; by their first chip
  std::vector<Merge> merges;         ///< that led there, where the policy merges by reward

  /// Of all groups together.
  int64_t images() const;
  /// Networks to store: one for each group that is retrained, and the deployed one if a chip has
  /// it.
  int64_t networks() const;
  /// Chips whose group is expected to meet the constraint.
  int64_t expected_chips() const;

  bool operator==(const FleetPlan&) const = default;
};

struct PolicyOptions {
  int group_size = 5;        ///< chips that TRE-Map and random groups merge
  int64_t fixed_images = 0;  ///< retraining of every chip; 0: the curve's greatest amount
  uint64_t seed = 1;         ///< of random groups
};

struct LotView {
  std::span<const SiteSet> chips;
  const Measure& measure;
  const ResilienceCurve& curve;
  /// [chip]: it is known to meet the constraint with the deployed network, so that no policy
  /// retrains it; empty: nothing is known.
  std::vector<bool> meets = {};
  /// [chip]: before any repair, for policies that bypass nothing; empty: as `chips`.
  std::span<const SiteSet> unrepaired = {};
};

struct Policy {
  const char* name;    ///< "reduce"
  const char* words;   ///< one line: what it does
  const char* source;  ///< of the idea; empty: none
  bool bypass;         ///< broken sites are bypassed
  bool assigns;        ///< channels are assigned to hardware for each chip
  /// Groups, rates not filled in.
  void (*plan)(const LotView& lot, const PolicyOptions& options, FleetPlan& plan);
};

/// none, fap, salvage, fixed, reduce, tre-map, random, efat, one.
const std::vector<Policy>& policies();
/// Throws InputError(where, ...) with the nearest name.
const Policy& policy(std::string_view name, std::string_view where);

/// Throws InputError for options out of range, or sets of different sites.
FleetPlan plan_fleet(const Policy& policy, const LotView& lot, const PolicyOptions& options);

/// The plan with at most `images` of retraining in all: groups are retrained in the order of chips
/// saved per image (expected ones only, the first group first among equals) as long as the budget
/// holds; chips of the others get the deployed network. A budget of 0 makes every plan FAP.
FleetPlan within_budget(FleetPlan plan, const LotView& lot, int64_t images);

}  // namespace stuckat::grouping
