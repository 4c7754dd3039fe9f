// Carrying out a plan: each group is retrained without what is broken on any of its chips, checked
// on validation images, and split where it misses the constraint.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "faultmaps/grouping/policies.h"
#include "trainer/fleet/fleet_result.h"
#include "trainer/fleet/resilience_run.h"
#include "workloads/permutation.h"

namespace stuckat::trainer {

/// The chips of a lot, as training needs them. Functions of their arguments alone.
struct FleetLot {
  std::vector<std::string> hashes;  ///< [chip], of what is broken
  std::string repair = {};          ///< what decides `fused` and `orders` beside the hashes
  /// Of their union, bypassed and behind spares.
  std::function<Damage(const std::vector<int>& chips)> fused;
  /// Without bypass and spares; null: `fused` of one chip.
  std::function<Damage(int chip)> unrepaired = {};
  /// Orders of channels around their union; null: as deployed.
  std::function<ChannelOrders(const std::vector<int>& chips)> orders = {};
  std::function<double(const std::vector<int>& chips)> rate;  ///< of the union
};

struct FleetOptions {
  RetrainOptions retrain;
  double constraint = 0;  ///< accuracy on validation images
  /// A group that misses the constraint goes on with as many images again, so often in all, before
  /// it is split.
  int attempts = 1;
  /// What a group that comes from splitting is retrained with.
  std::function<int64_t(double rate)> images;
  Shard shard;  ///< groups of the plan, by their number
};

struct FleetProgress {
  std::string policy;
  int64_t groups = 0;  ///< of the plan and the shard
  int64_t done = 0;
  int64_t images = 0;  ///< trained, of the group at hand
};

/// One policy. Networks go into `folder` (which exists), one file for each group that is retrained
/// or whose channels have another order, beside what they came to; both are named by a hash of what
/// they were made from, so that groups that are there already, of an earlier run that was killed or
/// of another policy, are taken as they are. The outcome does not depend on that, nor on threads.
/// With a shard, only its groups are worked on, and the outcome tells of them alone: a run without
/// one collects them.
///
/// [choice] On bypassed parts a group's network computes the same on all of its chips, and one
/// evaluation counts for all; where that need not hold (only_prunes()) each chip is evaluated by
/// itself. The chips that miss the constraint are put into new groups: the halves of the group, in
/// the order of chips, if all of them do, else those that do. A single chip that misses it is not
/// sold. Where the union of a half is beyond f_max it gets the curve's greatest amount. With orders
/// of channels a group is retrained from the deployed network in the order around its union.
///
/// test: also evaluated, decides nothing; may be null. Returns false if go_on stopped it.
bool run_fleet(const std::string& folder, const grouping::FleetPlan& plan, const FleetLot& lot,
               const Deployed& deployed, const DataSet* test, const FleetOptions& options,
               Workers& workers, FleetOutcome& outcome,
               const std::function<bool(const FleetProgress&)>& go_on = {});

/// The file of a group's network below `folder`.
std::string network_path(const std::string& folder, const std::string& group);

}  // namespace stuckat::trainer
