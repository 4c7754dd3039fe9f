#include "tools/stuckat/fleet_repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tools/stuckat/fleet.h"
#include "tools/stuckat/option_values.h"
#include "trainer/predict.h"
#include "workloads/errors.h"

namespace stuckat::cli {
namespace {

const std::vector<std::string>& repair_names() {
  static const std::vector<std::string> names = {"spares", "reschedule"};
  return names;
}

std::set<std::string> chosen_repairs(const CommandLine& line) {
  std::set<std::string> chosen;
  if (!line.has("repair")) return chosen;
  for (const std::string& name : split_list(line.text("repair"))) {
    const auto& known = repair_names();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw_unknown_name("--repair", "repair", name, known);
    }
    chosen.insert(name);
  }
  return chosen;
}

}  // namespace

void add_repair_options(CommandLine& line) {
  line.options().add_options()(
      "repair", text("NAMES"),
      "done to each chip, before any policy but 'none'; separated by commas: spares (broken PEs "
      "are mapped out), reschedule (channels that matter least on broken PEs)")(
      "spares", po::value<int64_t>()->value_name("N"),
      "PEs of each array that are spare, for the repair 'spares' (1)");
}

bool repairs_chips(const CommandLine& line) { return !chosen_repairs(line).empty(); }

FleetRepair::FleetRepair(const CommandLine& line, const FleetHardware& hardware,
                         const DataSet& validation, trainer::Workers& workers)
    : hardware_(hardware), validation_(validation), workers_(workers) {
  const auto chosen = chosen_repairs(line);
  const bool spares = chosen.count("spares") != 0;
  line.refuse_without_effect(
      {{"spares", spares, "without --repair spares", "--repair spares as well"}});
  reschedules_ = chosen.count("reschedule") != 0;
  if (!spares) return;
  spares_ = line.has("spares") ? static_cast<int>(line.integer("spares", 1, 1'000'000)) : 1;
  const auto& kinds = hardware.kinds();
  const bool of_pes = std::any_of(kinds.begin(), kinds.end(), [](SiteKind kind) {
    return site_row(kind).part == PartKind::pe_array && site_row(kind).is_of_pe();
  });
  if (of_pes) return;
  throw InputError("--repair", "spares: no site that breaks is of a PE that is mapped out alone",
                   "--sites of PEs, as pe/dead");
}

std::string FleetRepair::name() const {
  std::string text;
  if (spares_ > 0) text = fmt::format("spares {}", spares_);
  if (reschedules_) text += text.empty() ? "reschedule" : ", reschedule";
  return text;
}

ProtectionCost FleetRepair::cost() const {
  return spares_ == 0 ? ProtectionCost{}
                      : cost_of_spares(spares_, hardware_.placement(), hardware_.network());
}

std::vector<std::string> FleetRepair::fixed_layers() const {
  if (!reschedules_) return {};
  return protect::unranked(hardware_.network(), hardware_.placement());
}

bool FleetRepair::moves() const {
  return reschedules_ && protect::reorders(hardware_.network(), hardware_.placement());
}

FaultMap FleetRepair::left(const FaultMap& map) {
  if (spares_ == 0) return map;
  std::map<std::string, std::vector<FaultyPe>> by_array;
  for (FaultyPe& pe : faulty_pes(map, hardware_.placement())) {
    by_array[pe.array].push_back(std::move(pe));
  }
  std::vector<FaultyPe> mapped_out;
  for (auto& [array, pes] : by_array) {
    if (std::ssize(pes) > spares_) {
      std::map<int, int64_t> alone;
      for (const FaultyPe& pe : pes) alone[pe.pe] = right(pe);
      std::stable_sort(pes.begin(), pes.end(), [&](const FaultyPe& a, const FaultyPe& b) {
        return alone.at(a.pe) < alone.at(b.pe);
      });
      pes.resize(static_cast<size_t>(spares_));
    }
    mapped_out.insert(mapped_out.end(), pes.begin(), pes.end());
  }
  return behind_spares(map, mapped_out, hardware_.placement(), hardware_.network());
}

FleetRepair::Order FleetRepair::order(const trainer::Damage& damage) {
  const Network& network = hardware_.network();
  Order deployed{{}, accuracy(damage, network)};
  const Effects effects = damage.effects(network, 1);
  if (!moves() || effects.empty()) return deployed;
  if (!ranks_) ranks_ = protect::rank_channels(meter(), hardware_.placement());
  Order other{protect::orders_around(network, *ranks_, effects)};
  if (other.orders.empty()) return deployed;
  other.accuracy = accuracy(damage, reschedule(network, other.orders));
  return other.accuracy > deployed.accuracy ? other : deployed;
}

double FleetRepair::accuracy(const trainer::Damage& damage, const Network& network) const {
  return trainer::accuracy(network, validation_, workers_, damage.effects(network, 1));
}

protect::Meter& FleetRepair::meter() {
  if (!meter_) meter_.emplace(hardware_.network(), validation_, workers_.threads());
  return *meter_;
}

int64_t FleetRepair::right(const FaultyPe& pe) {
  const auto known = right_.find(pe.faults.faults);
  if (known != right_.end()) return known->second;
  const Effects effects = hardware_.damage(pe.faults, true).effects(hardware_.network(), 1);
  return right_[pe.faults.faults] = meter().correct({effects}).front();
}

}  // namespace stuckat::cli
