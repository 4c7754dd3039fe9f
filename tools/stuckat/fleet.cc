#include "tools/stuckat/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "faultmaps/generators.h"
#include "faultmaps/operations.h"
#include "faultmaps/text_files.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/option_values.h"
#include "workloads/hash.h"
#include "workloads/json_file.h"
#include "workloads/model_file.h"

namespace stuckat::cli {

void add_fleet_hardware_options(CommandLine& line) {
  line.options().add_options()("accelerator", text("NAME"), "that the chips are; see below")(
      "sites", text("KINDS", "pe/dead"), "kinds of sites that break, separated by commas")(
      "bypass", text("KIND"),
      "broken sites are bypassed: faults of this kind, at the same part and coordinates, take the "
      "place of those of the lot, in all policies but 'none'");
}

FleetHardware::FleetHardware(const CommandLine& line)
    : network_(read_model(line.text("model"))),
      placement_(
          place_on(parse_accelerator(line.has("accelerator")
                                         ? line.text("accelerator")
                                         : throw InputError("stuckat fleet", "no --accelerator"),
                                     network_),
                   network_)),
      index_(placement_, network_),
      kinds_(site_kinds(line.text("sites"), index_)) {
  std::sort(kinds_.begin(), kinds_.end());
  for (const SiteKind kind : kinds_) {
    for (const SiteSpace& space : index_.of(kind)) sites_ += space.sites();
  }
  if (line.has("bypass")) bypass_ = site_kinds(line.text("bypass"), index_).front();
}

std::string FleetHardware::name() const {
  std::string text = index_.accelerator() + ",";
  for (const SiteKind kind : kinds_) text += std::string(" ") + site_row(kind).name;
  if (bypass_ && kinds_ != std::vector<SiteKind>{*bypass_}) {
    text += std::string(", ") + site_row(*bypass_).name;
  }
  return text;
}

grouping::SiteSet FleetHardware::set_of(const FaultMap& map, const std::string& where) const {
  grouping::SiteSet set(sites_);
  for (const Fault& fault : map.faults) {
    int64_t before = 0;
    bool found = false;
    for (const SiteKind kind : kinds_) {
      for (const SiteSpace& space : index_.of(kind)) {
        if (kind == fault.kind && space.part == fault.part && !fault.is_flip()) {
          set.insert(before + space.site_of(fault));
          found = true;
        }
        before += space.sites();
      }
    }
    if (found) continue;
    throw InputError(where, stuckat::name(fault) + " is none of the sites of this fleet",
                     "permanent faults of --sites " + std::string(site_row(fault.kind).name));
  }
  return set;
}

int64_t FleetHardware::broken_at(double rate) const {
  return std::llround(rate * static_cast<double>(sites_));
}

FaultMap FleetHardware::draw(double rate, uint64_t seed) const {
  return exact_map(kinds_, broken_at(rate), seed, index_);
}

trainer::Damage FleetHardware::damage(const FaultMap& map, bool with_bypass) const {
  if (!with_bypass || !bypass_) return trainer::damage_of(map, placement_, 1);
  FaultMap bypassed = map;
  for (Fault& fault : bypassed.faults) {
    fault.kind = *bypass_;
    const SiteSpace* space = index_.find(*bypass_, fault.part);
    if (space != nullptr && !space->values.empty()) fault.value = space->values.front();
  }
  validate(bypassed, index_, "--bypass");
  return trainer::damage_of(bypassed, placement_, 1);
}

FleetChips::FleetChips(const CommandLine& line, const FleetHardware& hardware, FleetRepair* repair)
    : hardware_(hardware),
      repair_(repair),
      measure_(grouping::Measure::of_sites(hardware.sites())) {
  if (!line.has("lot")) throw InputError("stuckat fleet", "no --lot", "--lot CHIPS.h5");
  const std::string path = line.text("lot");
  maps_ = read_fault_file(path, &hardware.index());
  for (FaultMap& map : maps_) {
    validate(map, hardware.index(), path);
    sets_.push_back(hardware.set_of(map, path));
  }
  if (maps_.empty()) throw InputError(path, "holds no chip", "at least one");
  if (repair_ == nullptr || !repair_->maps_out()) return;
  unrepaired_ = std::move(sets_);
  sets_.clear();
  for (const FaultMap& map : maps_) {
    left_.push_back(repair_->left(map));
    sets_.push_back(hardware.set_of(left_.back(), path));
  }
}

FaultMap FleetChips::united(const std::vector<int>& chips) const {
  std::vector<FaultMap> parts;
  for (const int chip : chips) parts.push_back(left()[static_cast<size_t>(chip)]);
  return unite(parts, Contradiction::first_wins, "--lot");
}

const FleetRepair::Order& FleetChips::order(const std::vector<int>& chips) {
  const FaultMap map = united(chips);
  const auto known = orders_.find(map.faults);
  if (known != orders_.end()) return known->second;
  return orders_[map.faults] = repair_->order(hardware_.damage(map, true));
}

grouping::LotView FleetChips::view(const grouping::ResilienceCurve& curve, double accuracy) {
  grouping::LotView view{sets_, measure_, curve, {}, unrepaired_};
  for (int chip = 0; repaired() && chip < static_cast<int>(maps_.size()); ++chip) {
    view.meets.push_back(order({chip}).accuracy >= accuracy);
  }
  return view;
}

trainer::FleetLot FleetChips::lot() {
  trainer::FleetLot lot;
  for (const FaultMap& map : maps_) {
    Hasher hasher;
    hasher.add(map.accelerator_hash);
    for (const Fault& fault : map.faults) hasher.add(name(fault));
    lot.hashes.push_back(hasher.hex());
  }
  lot.fused = [this](const std::vector<int>& chips) {
    return hardware_.damage(united(chips), true);
  };
  if (hardware_.bypasses() || repaired()) {
    lot.unrepaired = [this](int chip) {
      return hardware_.damage(maps_[static_cast<size_t>(chip)], false);
    };
  }
  if (repaired()) {
    lot.repair = repair_->name();
    lot.orders = [this](const std::vector<int>& chips) { return order(chips).orders; };
  }
  lot.rate = [this](const std::vector<int>& chips) {
    return measure_.rate(grouping::fused(sets_, chips));
  };
  return lot;
}

void add_constraint_options(CommandLine& line) {
  line.options().add_options()("resilience", text("FILE"),
                               "resilience map, of 'stuckat fleet resilience'")(
      "drop", po::value<double>()->value_name("P"),
      "a chip may lose so many points of accuracy against the deployed network (1)")(
      "accuracy", po::value<double>()->value_name("P"),
      "instead: accuracy in percent that a chip must have, on the validation images")(
      "quantile", real("Q", 1, "1"),
      "of the repeats of a rate, that many must meet it with the amount; 1: all");
}

FleetConstraint load_constraint(const CommandLine& line, const Network& network) {
  if (!line.has("resilience")) {
    throw InputError("stuckat fleet", "no --resilience", "a map of 'stuckat fleet resilience'");
  }
  if (line.has("drop") && line.has("accuracy")) {
    throw InputError("stuckat fleet", "--drop and --accuracy", "one of them");
  }
  const std::string path = line.text("resilience");
  FleetConstraint result{trainer::read_resilience_map(path), 0, grouping::ResilienceCurve({})};
  const auto made_of = json_or_nothing(result.map.configuration).value_or(Json());
  if (!made_of.is_object() || made_of.value("network", "") != content_hash(network)) {
    throw InputError(path, "is of another network", "a map of " + line.text("model"));
  }
  result.accuracy = line.has("accuracy") ? line.real("accuracy", 0, 100) / 100
                    : line.has("drop")   ? result.map.deployed - line.real("drop", 0, 100) / 100
                                         : result.map.deployed - 0.01;
  result.curve =
      trainer::resilience_curve(result.map, result.accuracy, line.real("quantile", 0, 1));
  return result;
}

void add_policy_options(CommandLine& line) {
  static const std::string help = [] {
    std::string text = "separated by commas, or 'all':";
    for (const auto& row : grouping::policies()) text += std::string(" ") + row.name;
    return text;
  }();
  line.options().add_options()("policies", text("NAMES", "all"), help.c_str())(
      "group-size", number("K", 5), "chips that tre-map and random put together")(
      "fixed-images", number("N", 0),
      "amount of the policy fixed; 0: the greatest that the resilience map knows to be needed")(
      "policy-seed", number("N", 1), "of random groups")(
      "budget", number("N", -1), "images of retraining in all, for each policy; -1: no limit");
}

std::vector<std::string> policy_names(const CommandLine& line) {
  std::vector<std::string> names = split_list(line.text("policies"));
  if (names == std::vector<std::string>{"all"}) {
    names.clear();
    for (const auto& row : grouping::policies()) names.emplace_back(row.name);
  }
  for (const std::string& name : names) grouping::policy(name, "--policies");
  if (names.empty()) throw InputError("--policies", "an empty list", "names of policies");
  return names;
}

std::vector<grouping::FleetPlan> plan_policies(const CommandLine& line,
                                               const grouping::LotView& lot) {
  grouping::PolicyOptions options;
  options.group_size = static_cast<int>(line.integer("group-size", 1, 1'000'000));
  options.fixed_images = line.integer("fixed-images", 0, INT64_MAX / 1000);
  options.seed = static_cast<uint64_t>(line.integer("policy-seed", 0, INT64_MAX));
  const int64_t budget = line.integer("budget", -1, INT64_MAX / 1000);
  std::vector<grouping::FleetPlan> plans;
  for (const std::string& name : policy_names(line)) {
    plans.push_back(plan_fleet(grouping::policy(name, "--policies"), lot, options));
    if (budget >= 0) plans.back() = within_budget(std::move(plans.back()), lot, budget);
  }
  return plans;
}

void add_fleet_data_options(CommandLine& line) {
  line.options().add_options()("data", text("NAME[:PATH]"),
                               "data set; see below (standard: that of the model)")(
      "images", number("N", -1), "training images; -1: all but those for validation")(
      "validation-images", number("N", 1000),
      "what the constraint is checked on: spread evenly over the images of the training half that "
      "are used, and not trained on");
}

FleetImages load_fleet_images(CommandLine& line, const Network& network,
                              const std::string& images) {
  const auto validation = line.integer("validation-images", 1, INT32_MAX);
  const auto trained_on = line.integer(images, -1, INT32_MAX);
  const int64_t used = trained_on < 0 ? -1 : trained_on + validation;
  if (used > INT32_MAX) {
    throw InputError("--" + images, std::to_string(trained_on), "fewer images");
  }
  default_data(line, network, line.text("model"));
  const DataSet all = read_dataset(line.text("data"), {true, 0, static_cast<int>(used)});
  if (validation >= all.size()) {
    throw InputError("--validation-images", std::to_string(validation),
                     "fewer than the " + std::to_string(all.size()) + " of the training half");
  }
  // Image i is the last of its share of 1/validation of all.
  std::vector<int> trained, held;
  for (int64_t i = 0; i < all.size(); ++i) {
    const bool is_last = (i + 1) * validation / all.size() > i * validation / all.size();
    (is_last ? held : trained).push_back(static_cast<int>(i));
  }
  FleetImages result{images_at(all, trained), images_at(all, held)};
  check_same_data(network, result.train, line.text("model"));
  return result;
}

std::string fleet_data_text(const FleetImages& images) {
  return fmt::format("{}, {} training images and {} for validation", images.train.name,
                     thousands(images.train.size()), thousands(images.validation.size()));
}

nlohmann::ordered_json fleet_data_json(const FleetImages& images) {
  return {{"name", images.train.name},
          {"train_images", images.train.size()},
          {"train_hash", content_hash(images.train)},
          {"validation_images", images.validation.size()},
          {"validation_hash", content_hash(images.validation)}};
}

int run_fleet(const Arguments& arguments) {
  const std::vector<Command> table = {
      {"resilience", "how much retraining chips need, over the rate of faults", fleet_resilience},
      {"merge", "the parts of a resilience map that shards measured, as one", fleet_merge},
      {"plan", "which chips share a network, by every policy", fleet_plan},
      {"train", "retrain the groups of plans, check them, split what fails", fleet_train},
      {"submit", "the same as jobs of a Slurm cluster", fleet_submit},
      {"submit-resilience", "a resilience map as jobs of a Slurm cluster", fleet_submit_resilience},
      {"evaluate", "accuracy of a network on every chip of a lot", fleet_evaluate},
      {"show", "what came of a lot, policy by policy; a resilience map", fleet_show}};
  return run_subcommand("fleet", table, arguments);
}

}  // namespace stuckat::cli
