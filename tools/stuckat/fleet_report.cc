// What came of a lot as the report shows it.
#include <cmath>
#include <set>

#include "faultmaps/wafer.h"
#include "tools/report/fleet_profit.h"
#include "tools/stuckat/fleet.h"

namespace stuckat::cli {
namespace {

report::Fleet::Map shown_map(const trainer::ResilienceMap& map) {
  report::Fleet::Map shown;
  shown.amounts = map.amounts;
  const auto repeats = static_cast<size_t>(map.repeats);
  for (size_t r = 0; r < map.rates.size(); ++r) {
    shown.rates.push_back(100 * map.rates[r]);
    auto& row = shown.accuracy.emplace_back();
    for (size_t a = 0; a < map.amounts.size(); ++a) {
      double sum = 0;
      int count = 0;
      for (size_t run = r * repeats; run < (r + 1) * repeats; ++run) {
        const double accuracy = map.accuracy_at(run, a);
        if (std::isnan(accuracy)) continue;
        sum += 100 * accuracy;
        ++count;
      }
      row.push_back(count == 0 ? -1 : sum / count);
    }
  }
  return shown;
}

report::Fleet::Policy shown_policy(const trainer::FleetOutcome& o, int64_t map_images) {
  report::Fleet::Policy shown;
  shown.name = o.policy;
  shown.words = o.words;
  shown.networks = o.networks();
  shown.orders = o.orders();
  shown.images = o.images();
  shown.images_of_map = needs_resilience_map(o.policy) ? map_images : 0;
  for (const double accuracy : o.test.empty() ? o.validation : o.test) {
    shown.accuracy.push_back(100 * accuracy);
  }
  for (const uint8_t sold : o.sold) shown.sold.push_back(sold == 1);
  for (const auto& g : o.groups) {
    shown.groups.push_back({static_cast<int>(g.chips.size()), 100 * g.rate, g.images, false});
  }
  for (const auto& g : o.groups) {
    if (g.parent >= 0) shown.groups[static_cast<size_t>(g.parent)].split = true;
  }
  return shown;
}

}  // namespace

bool needs_resilience_map(const std::string& policy) {
  static const std::set<std::string> without = {"none", "fap", "salvage", "fixed"};
  return without.count(policy) == 0;
}

report::Fleet shown_fleet(const std::string& label, const trainer::FleetResult& r,
                          const trainer::ResilienceMap* map, int wafer) {
  report::Fleet shown;
  shown.label = label;
  shown.network = r.network;
  shown.accelerator = r.accelerator;
  shown.repair = repair_text(r.repair, r.spares);
  shown.images = r.deployed_test < 0 ? "validation" : "test";
  shown.constraint = 100 * r.constraint;
  shown.deployed = 100 * r.deployed_validation;
  shown.deployed_here = 100 * (r.deployed_test < 0 ? r.deployed_validation : r.deployed_test);
  double mean = 0;
  for (const double rate : r.rates) {
    shown.rates.push_back(100 * rate);
    mean += rate / static_cast<double>(r.rates.size());
  }
  for (const auto& p : r.curve) shown.curve.push_back({100 * p.rate, p.images});
  const grouping::ResilienceCurve curve(r.curve);
  shown.saving_of_two = static_cast<double>(curve.saving(mean, 2));
  shown.saving_of_five = static_cast<double>(curve.saving(mean, 5));
  shown.map_images = r.resilience_images;
  if (map != nullptr) shown.map = shown_map(*map);
  for (const auto& o : r.outcomes) shown.policies.push_back(shown_policy(o, r.resilience_images));
  if (wafer > 0) {
    shown.across = wafer;
    for (const Die& die : wafer_dies(wafer)) shown.dies.emplace_back(die.column, die.row);
  }
  return shown;
}

void add_prices(const CommandLine& line, report::Fleet& fleet) {
  line.refuse_without_effect(
      {{"network-price", line.has("prices"), "without --prices", "--prices as well"}});
  if (!line.has("prices")) return;
  fleet.prices = report::parse_prices(line.text("prices"), "--prices");
  fleet.network_price = line.real("network-price", 0, 1e12);
}

}  // namespace stuckat::cli
