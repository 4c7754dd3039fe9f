#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tools/report/fleet_profit.h"
#include "tools/stuckat/fleet.h"
#include "tools/stuckat/inputs.h"
#include "workloads/hdf5_file.h"

namespace stuckat::cli {
namespace {

/// On standard output, and as JSON.
nlohmann::ordered_json show_profit(const report::Fleet& fleet) {
  const auto profits = report::profits(fleet);
  fmt::print("\n{:<8}", "policy");
  for (const auto& bin : fleet.prices) fmt::print(" {:>8}", fmt::format(">= {:g} %", bin.accuracy));
  fmt::print(" {:>8} {:>12} {:>12} {:>14}\n", "less", "revenue", "networks", "images");
  nlohmann::ordered_json json;
  for (size_t i = 0; i < profits.size(); ++i) {
    const auto& p = profits[i];
    const std::string& name = fleet.policies[i].name;
    fmt::print("{:<8}", name);
    for (const int64_t chips : p.chips) fmt::print(" {:>8}", chips);
    fmt::print(" {:>12.2f} {:>12.2f} {:>14}\n", p.revenue, p.networks, thousands(p.images));
    json["policies"].push_back({{"policy", name},
                                {"chips", p.chips},
                                {"revenue", p.revenue},
                                {"networks", p.networks},
                                {"images", p.images}});
  }
  fmt::print("greatest profit, by the price of 1,000 images of retraining:");
  for (const auto& [price, policy] : report::best_policies(profits)) {
    const std::string& name = fleet.policies[policy].name;
    fmt::print("{} {}", price == 0 ? "" : fmt::format("; from {:.4g} on", 1000 * price), name);
    json["best"].push_back({{"image_price", price}, {"policy", name}});
  }
  fmt::print("\n");
  return json;
}

}  // namespace

std::array<double, 5> five_numbers(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  std::array<double, 5> five{};
  for (size_t i = 0; i < 5 && !values.empty(); ++i) five[i] = values[i * (values.size() - 1) / 4];
  return five;
}

std::vector<double> in_percent(std::vector<double> shares) {
  for (double& share : shares) share *= 100;
  return shares;
}

void show_resilience(const trainer::ResilienceMap& map) {
  fmt::print("accuracy on validation images in percent, mean of {} chips; deployed {:.2f}\n",
             map.repeats, 100 * map.deployed);
  fmt::print("{:>10}", "rate");
  for (const int64_t amount : map.amounts) fmt::print(" {:>8}", thousands(amount));
  fmt::print("  images of retraining\n");
  const auto repeats = static_cast<size_t>(map.repeats);
  for (size_t r = 0; r < map.rates.size(); ++r) {
    fmt::print("{:>8.3g} %", 100 * map.rates[r]);
    for (size_t a = 0; a < map.amounts.size(); ++a) {
      double sum = 0;
      int count = 0;
      for (size_t run = r * repeats; run < (r + 1) * repeats; ++run) {
        const double accuracy = map.accuracy_at(run, a);
        if (std::isnan(accuracy)) continue;
        sum += accuracy;
        ++count;
      }
      fmt::print(" {:>8}", count == 0 ? "-" : fmt::format("{:.2f}", 100 * sum / count));
    }
    fmt::print("\n");
  }
  const auto done = std::count(map.done.begin(), map.done.end(), 1);
  fmt::print("{} of {} runs done, {} images of retraining\n", done, map.runs(),
             thousands(map.cost()));
}

nlohmann::ordered_json resilience_json(const trainer::ResilienceMap& map) {
  nlohmann::ordered_json runs = nlohmann::json::array();
  for (size_t run = 0; run < map.runs(); ++run) {
    nlohmann::ordered_json accuracy = nlohmann::json::array();
    for (size_t a = 0; a < map.amounts.size(); ++a) {
      const double value = map.accuracy_at(run, a);
      accuracy.push_back(nullptr);
      if (!std::isnan(value)) accuracy.back() = 100 * value;
    }
    runs.push_back({{"rate", map.drawn[run]},
                    {"images", map.images[run]},
                    {"done", map.done[run] == 1},
                    {"accuracy", accuracy}});
  }
  return {{"deployed", 100 * map.deployed},
          {"rates", map.rates},
          {"amounts", map.amounts},
          {"cost", map.cost()},
          {"runs", runs}};
}

std::string repair_text(const std::string& name, const ProtectionCost& spares) {
  if (spares.pes == 0) return name;
  return fmt::format("{}; spares are {} PEs, {} multipliers, {} memory bits", name,
                     thousands(spares.pes), thousands(spares.multipliers),
                     thousands(spares.memory_bits));
}

void show_repair(const std::string& name, const ProtectionCost& spares) {
  if (!name.empty()) fmt::print("each chip is repaired: {}\n", repair_text(name, spares));
}

nlohmann::ordered_json spares_json(const ProtectionCost& spares) {
  return {{"pes", spares.pes},
          {"multipliers", spares.multipliers},
          {"memory_bits", spares.memory_bits}};
}

void show_repair(const FleetRepair& repair) {
  show_repair(repair.name(), repair.cost());
  for (const std::string& layer : repair.fixed_layers()) fmt::print("no other order: {}\n", layer);
  if (repair.reschedules() && !repair.moves()) {
    fmt::print("no layer's channels have another order: chips are as without rescheduling\n");
  }
}

void show_outcome(const trainer::FleetResult& r) {
  fmt::print("{} on {}: {} chips; sold with {:.2f} % on validation images (deployed {:.2f} %)\n",
             r.network, r.accelerator, r.rates.size(), 100 * r.constraint,
             100 * r.deployed_validation);
  fmt::print(
      "{:<8} {:>6} {:>9} {:>7} {:>14} {:>16}  accuracy of chips on {} images: least, quartiles, "
      "greatest\n",
      "policy", "sold", "networks", "orders", "images", "with the map",
      r.deployed_test < 0 ? "validation" : "test");
  for (const auto& o : r.outcomes) {
    const auto five = five_numbers(o.test.empty() ? o.validation : o.test);
    fmt::print("{:<8} {:>6} {:>9} {:>7} {:>14} {:>16}  {:.2f} {:.2f} {:.2f} {:.2f} {:.2f}\n",
               o.policy, o.chips_sold(), o.networks(), o.orders(), thousands(o.images()),
               thousands(o.images() + (needs_resilience_map(o.policy) ? r.resilience_images : 0)),
               100 * five[0], 100 * five[1], 100 * five[2], 100 * five[3], 100 * five[4]);
  }
}

nlohmann::ordered_json outcome_json(const trainer::FleetResult& r) {
  nlohmann::ordered_json outcomes = nlohmann::json::array();
  for (const auto& o : r.outcomes) {
    outcomes.push_back({{"policy", o.policy},
                        {"sold", o.chips_sold()},
                        {"networks", o.networks()},
                        {"orders", o.orders()},
                        {"images", o.images()},
                        {"groups", o.groups.size()},
                        {"validation", in_percent(o.validation)},
                        {"test", in_percent(o.test)}});
  }
  return {{"chips", r.rates.size()},
          {"constraint", 100 * r.constraint},
          {"deployed_validation", 100 * r.deployed_validation},
          {"deployed_test", r.deployed_test < 0 ? nlohmann::ordered_json()
                                                : nlohmann::ordered_json(100 * r.deployed_test)},
          {"resilience_images", r.resilience_images},
          {"repair", r.repair},
          {"spares", spares_json(r.spares)},
          {"outcomes", outcomes}};
}

int fleet_show(const Arguments& arguments) {
  CommandLine line("fleet show FILE",
                   "Prints what came of a lot, or a resilience map. With --prices what the lot is "
                   "worth, policy by policy.",
                   {"file"});
  line.options().add_options()("prices", text("LIST"),
                               "what a chip is sold for, by its accuracy: 92:10,85:4")(
      "network-price", po::value<double>()->value_name("X")->default_value(0),
      "of each network that is stored");
  if (!line.parse(arguments)) return 0;
  const std::string path = line.text("file");
  if (Hdf5File::open(path).read_string("/", "schema") == "stuckat-resilience") {
    const auto map = trainer::read_resilience_map(path);
    show_resilience(map);
    line.write_json(resilience_json(map), "fleet resilience");
    return 0;
  }
  const auto result = trainer::read_fleet_result(path);
  report::Fleet shown = shown_fleet("", result, nullptr, 0);
  add_prices(line, shown);
  show_repair(result.repair, result.spares);
  show_outcome(result);
  nlohmann::ordered_json json = outcome_json(result);
  if (!shown.prices.empty()) json["profit"] = show_profit(shown);
  line.write_json(std::move(json), "fleet outcome");
  return 0;
}

}  // namespace stuckat::cli
