// The subcommands of `stuckat fleet`, and what they share: a lot of chips of one accelerator, as
// sets of broken sites and as what they do to a network.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "faultmaps/grouping/policies.h"
#include "faultmaps/site_index.h"
#include "tools/report/report.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/fleet_repair.h"
#include "tools/stuckat/train_options.h"
#include "trainer/fleet/fleet_training.h"
#include "trainer/fleet/resilience_map.h"
#include "trainer/fleet/resilience_run.h"
#include "trainer/model.h"
#include "trainer/workers.h"

namespace stuckat::cli {

int fleet_resilience(const Arguments&);
int fleet_merge(const Arguments&);
int fleet_plan(const Arguments&);
int fleet_train(const Arguments&);
int fleet_submit(const Arguments&);
int fleet_submit_resilience(const Arguments&);
int fleet_evaluate(const Arguments&);
int fleet_show(const Arguments&);

/// A network on an accelerator of which sites of some kinds break.
class FleetHardware {
 public:
  /// MODEL, --accelerator, --sites, --bypass.
  explicit FleetHardware(const CommandLine& line);

  const Network& network() const { return network_; }
  const Placement& placement() const { return placement_; }
  const SiteIndex& index() const { return index_; }
  const std::vector<SiteKind>& kinds() const { return kinds_; }
  /// Sites of the kinds, one kind after the other.
  int64_t sites() const { return sites_; }
  /// "dataflow:auto, pe/dead": accelerator and kinds.
  std::string name() const;
  /// Throws InputError(where, ...) for a fault of another kind.
  grouping::SiteSet set_of(const FaultMap& map, const std::string& where) const;
  /// Sites that a chip of that rate has broken.
  int64_t broken_at(double rate) const;
  /// The map with exactly that share of the sites broken (rounded to sites).
  FaultMap draw(double rate, uint64_t seed) const;
  /// What the chip does: with --bypass of its broken sites, without as it is.
  trainer::Damage damage(const FaultMap& map, bool with_bypass) const;
  bool bypasses() const { return bypass_.has_value(); }

 private:
  Network network_;
  Placement placement_;
  SiteIndex index_;
  std::vector<SiteKind> kinds_;
  int64_t sites_ = 0;
  std::optional<SiteKind> bypass_;
};
void add_fleet_hardware_options(CommandLine& line);

/// The chips of --lot, repaired.
class FleetChips {
 public:
  /// repair: null: none. Both outlive it.
  FleetChips(const CommandLine& line, const FleetHardware& hardware, FleetRepair* repair);

  /// As they come, and what acts behind spares.
  const std::vector<FaultMap>& maps() const { return maps_; }
  const std::vector<FaultMap>& left() const { return left_.empty() ? maps_ : left_; }
  /// Of left().
  const std::vector<grouping::SiteSet>& sets() const { return sets_; }
  /// Where chips are repaired, those that then have this accuracy are known to meet the constraint.
  grouping::LotView view(const grouping::ResilienceCurve& curve, double accuracy);
  const grouping::Measure& measure() const { return measure_; }
  trainer::FleetLot lot();

 private:
  bool repaired() const { return repair_ != nullptr && repair_->any(); }
  FaultMap united(const std::vector<int>& chips) const;
  const FleetRepair::Order& order(const std::vector<int>& chips);

  const FleetHardware& hardware_;
  FleetRepair* repair_;
  std::vector<FaultMap> maps_;
  std::vector<FaultMap> left_;  // where spares map something out
  std::vector<grouping::SiteSet> sets_;
  std::vector<grouping::SiteSet> unrepaired_;  // likewise
  grouping::Measure measure_;
  std::map<std::vector<Fault>, FleetRepair::Order> orders_;  // around these
};

/// --resilience, --drop or --accuracy, --quantile.
void add_constraint_options(CommandLine& line);
struct FleetConstraint {
  trainer::ResilienceMap map;
  double accuracy = 0;  ///< on the map's validation images
  grouping::ResilienceCurve curve{{}};
};
/// Throws InputError if the map is of another network.
FleetConstraint load_constraint(const CommandLine& line, const Network& network);

/// --policies, --group-size, --fixed-images, --policy-seed, --budget.
void add_policy_options(CommandLine& line);
/// Of --policies. Throws InputError.
std::vector<std::string> policy_names(const CommandLine& line);
std::vector<grouping::FleetPlan> plan_policies(const CommandLine& line,
                                               const grouping::LotView& lot);

/// --data, --images, --validation-images.
void add_fleet_data_options(CommandLine& line);
/// Images of the training half: trained on, and held back.
struct FleetImages {
  DataSet train;
  DataSet validation;
};
/// images: the option that says how many are trained on.
FleetImages load_fleet_images(CommandLine& line, const Network& network,
                              const std::string& images = "images");
/// "fashion-mnist, 40 training images and 20 for validation", for people and for machines.
std::string fleet_data_text(const FleetImages& images);
nlohmann::ordered_json fleet_data_json(const FleetImages& images);
/// All of `fleet train` but --shard and --threads.
void add_fleet_train_options(CommandLine& line);
/// How the map retrained, which training goes on with. Throws InputError where it was measured on
/// other images.
trainer::RetrainOptions retraining_of(const CommandLine& line, const FleetConstraint& constraint,
                                      const FleetImages& images);

/// All of `fleet resilience` but --shard and --threads.
void add_fleet_resilience_options(CommandLine& line);
/// What those ask for.
struct FleetResilience {
  /// Throws InputError.
  FleetResilience(CommandLine& line, int threads);

  trainer::Deployed deployed() const {
    return {hardware.network(), start, images.train, images.validation};
  }
  /// As trainer::DrawChip.
  trainer::DrawnChip draw(double rate, uint64_t seed);

  const FleetHardware hardware;
  const FleetImages images;
  trainer::Workers workers;
  FleetRepair repair;
  const trainer::Model start;
  trainer::ResilienceOptions options;
};

/// Least, lower quartile, median, upper quartile, greatest; zeros of none.
std::array<double, 5> five_numbers(std::vector<double> values);
std::vector<double> in_percent(std::vector<double> shares);
/// What chips are repaired by, and what spares take; nothing without repair.
std::string repair_text(const std::string& name, const ProtectionCost& spares);
void show_repair(const std::string& name, const ProtectionCost& spares);
/// That, and layers whose channels stay.
void show_repair(const FleetRepair& repair);
/// Of spares, as JSON.
nlohmann::ordered_json spares_json(const ProtectionCost& spares);
/// Text on standard output, and the same as JSON.
void show_resilience(const trainer::ResilienceMap& map);
nlohmann::ordered_json resilience_json(const trainer::ResilienceMap& map);
void show_outcome(const trainer::FleetResult& result);
nlohmann::ordered_json outcome_json(const trainer::FleetResult& result);

/// Its amounts are those of E(f): measuring that is part of its bill.
bool needs_resilience_map(const std::string& policy);
/// map: may be null. wafer: dies across, of a lot from wafers; else 0.
report::Fleet shown_fleet(const std::string& label, const trainer::FleetResult& result,
                          const trainer::ResilienceMap* map, int wafer);

/// --prices, --network-price.
void add_prices(const CommandLine& line, report::Fleet& fleet);

}  // namespace stuckat::cli
