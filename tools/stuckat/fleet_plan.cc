#include <fmt/format.h>

#include <algorithm>

#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/fleet.h"
#include "tools/stuckat/inputs.h"

namespace stuckat::cli {
namespace {

using grouping::FleetPlan;
using grouping::ResilienceCurve;

double mean_rate(const FleetChips& chips) {
  double sum = 0;
  for (const auto& set : chips.sets()) sum += chips.measure().rate(set);
  return sum / static_cast<double>(chips.sets().size());
}

/// Before any merge: whether sharing a network can save anything at all.
std::string verdict(const ResilienceCurve& curve, double rate) {
  std::string text;
  for (const int chips : {2, 5}) {
    const int64_t saving = curve.saving(rate, chips);
    if (!text.empty()) text += "; ";
    if (saving == -ResilienceCurve::never) {
      text += fmt::format("{} of them are beyond f_max together", chips);
    } else {
      text += fmt::format("{} of them would {} {} images together", chips,
                          saving > 0 ? "save" : "cost", thousands(std::abs(saving)));
    }
  }
  return text;
}

void show_curve(const FleetConstraint& constraint, double rate) {
  const ResilienceCurve& curve = constraint.curve;
  fmt::print(
      "constraint {:.2f} % on validation images ({:.2f} points below the deployed network)\n",
      100 * constraint.accuracy, 100 * (constraint.map.deployed - constraint.accuracy));
  if (curve.points().empty()) {
    fmt::print("no amount that was measured meets it, at any rate of faults\n");
    return;
  }
  fmt::print("E(f):");
  for (const auto& p : curve.points()) {
    fmt::print("  {:.3g} % {}", 100 * p.rate, thousands(p.images));
  }
  fmt::print(" images; f_max {:.3g} %, e0 {}\n", 100 * curve.greatest_rate(),
             thousands(curve.fixed_part()));
  fmt::print("a chip has {:.3g} % on average, which needs {} images; {}\n", 100 * rate,
             curve.images(rate) == ResilienceCurve::never ? "more than any that was measured"
                                                          : thousands(curve.images(rate)),
             verdict(curve, rate));
}

nlohmann::ordered_json plan_json(const FleetPlan& plan) {
  nlohmann::ordered_json groups = nlohmann::json::array();
  for (const auto& g : plan.groups) {
    groups.push_back(
        {{"chips", g.chips}, {"rate", g.rate}, {"images", g.images}, {"expected", g.expected}});
  }
  nlohmann::ordered_json merges = nlohmann::json::array();
  for (const auto& m : plan.merges) merges.push_back({m.older, m.younger, m.reward, m.overlap});
  return {{"policy", plan.policy},
          {"images", plan.images()},
          {"networks", plan.networks()},
          {"expected_chips", plan.expected_chips()},
          {"groups", groups},
          {"merges", merges}};
}

}  // namespace

int fleet_plan(const Arguments& arguments) {
  CommandLine line("fleet plan MODEL --lot CHIPS.h5 --accelerator NAME --resilience MAP.h5",
                   "Plans the retraining of a lot by every policy, side by side: networks to "
                   "store, images of retraining, chips that are expected to meet the constraint. "
                   "Nothing is trained. With --repair each chip is repaired and measured on the "
                   "validation images first.",
                   {"model"});
  line.options().add_options()("lot", text("FILE"), "fault maps of the chips (.h5, .csv, .json)");
  add_fleet_hardware_options(line);
  add_constraint_options(line);
  add_policy_options(line);
  add_repair_options(line);
  add_fleet_data_options(line);
  add_thread_option(line);
  line.epilogue(data_help() + site_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  const bool repairs = repairs_chips(line);
  for (const char* option : {"data", "images", "validation-images", "threads"}) {
    line.refuse_without_effect({{option, repairs, "without --repair", "--repair as well"}});
  }
  const FleetHardware hardware(line);
  const FleetConstraint constraint = load_constraint(line, hardware.network());
  const FleetImages images = repairs ? load_fleet_images(line, hardware.network()) : FleetImages{};
  policy_names(line);  // before anything is measured
  trainer::Workers workers(threads(line));
  FleetRepair repair(line, hardware, images.validation, workers);
  FleetChips chips(line, hardware, &repair);
  const grouping::LotView lot = chips.view(constraint.curve, constraint.accuracy);
  const auto plans = plan_policies(line, lot);
  const auto count = static_cast<int64_t>(chips.sets().size());
  fmt::print("{} chips of {}\n", thousands(count), hardware.name());
  show_repair(repair);
  const auto meeting = std::count(lot.meets.begin(), lot.meets.end(), true);
  if (repairs) fmt::print("repaired, {} of them meet the constraint\n", thousands(meeting));
  show_curve(constraint, mean_rate(chips));
  fmt::print("the resilience map has cost {} images\n\n", thousands(constraint.map.cost()));
  fmt::print("{:<8} {:>9} {:>14} {:>15}\n", "policy", "networks", "images", "expected to meet");
  nlohmann::ordered_json json = nlohmann::json::array();
  for (const FleetPlan& plan : plans) {
    fmt::print("{:<8} {:>9} {:>14} {:>8} of {}\n", plan.policy, thousands(plan.networks()),
               thousands(plan.images()), thousands(plan.expected_chips()), thousands(count));
    json.push_back(plan_json(plan));
  }
  nlohmann::ordered_json document = {{"constraint", 100 * constraint.accuracy},
                                     {"greatest_rate", constraint.curve.greatest_rate()},
                                     {"fixed_part", constraint.curve.fixed_part()},
                                     {"resilience_images", constraint.map.cost()},
                                     {"plans", json}};
  if (repairs) document["repaired"] = {{"repair", repair.name()}, {"meeting", meeting}};
  line.write_json(document);
  return 0;
}

}  // namespace stuckat::cli
