#include "tools/report/statistics.h"

#include <algorithm>
#include <functional>
#include <set>

#include "tools/report/svg.h"
#include "workloads/errors.h"

namespace stuckat::report {
namespace {

double percent(int64_t part, int64_t whole) {
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void require(bool holds, const std::string& what, const std::string& expected) {
  if (!holds) throw InputError("report", what, expected);
}

void check(const Campaign& campaign) {
  const std::string name = campaign.kind + " campaign of '" + campaign.network + "'";
  require(campaign.images > 0, name + " over no image", "at least one");
  require(campaign.golden_correct >= 0 && campaign.golden_correct <= campaign.images,
          name + ": " + std::to_string(campaign.golden_correct) + " images right",
          "0 .. " + std::to_string(campaign.images));
  for (const Campaign::Group& group : campaign.groups) {
    require(group.units >= 0,
            name + ", " + group.name + ": " + std::to_string(group.units) + " units", "0 or more");
  }
  for (const FaultOutcome& fault : campaign.faults) {
    const std::string where = name + ", fault '" + fault.name + "'";
    require(fault.weight >= 1, where + ": stands for less than itself", "a weight of 1 or more");
    require(fault.group >= 0 && fault.group < static_cast<int>(campaign.groups.size()),
            where + ": group " + std::to_string(fault.group),
            "one of " + std::to_string(campaign.groups.size()));
    const Campaign::Group& group = campaign.groups[static_cast<size_t>(fault.group)];
    require(fault.unit >= 0 && fault.unit < group.units,
            where + ": unit " + std::to_string(fault.unit),
            "one of the " + std::to_string(group.units) + " of " + group.name);
    require(fault.level >= 0 && fault.level < static_cast<int>(campaign.levels.size()),
            where + ": level " + std::to_string(fault.level),
            "one of " + std::to_string(campaign.levels.size()));
    for (const int64_t count : {fault.correct, fault.masked, fault.critical}) {
      require(count >= 0 && count <= campaign.images,
              where + ": a count of " + std::to_string(count),
              "0 .. " + std::to_string(campaign.images));
    }
  }
}

}  // namespace

double golden_accuracy(const Campaign& campaign) {
  return percent(campaign.golden_correct, campaign.images);
}

double accuracy(const Campaign& campaign, const FaultOutcome& fault) {
  return percent(fault.correct, campaign.images);
}

double points_lost(const Campaign& campaign, const FaultOutcome& fault) {
  return percent(campaign.golden_correct - fault.correct, campaign.images);
}

Extremes extremes(const Campaign& campaign, int group, int level) {
  Extremes result;
  for (const FaultOutcome& fault : campaign.faults) {
    if (group >= 0 && fault.group != group) continue;
    if (level >= 0 && fault.level != level) continue;
    if (!result.worst || fault.correct < result.worst->correct) result.worst = &fault;
    if (!result.best || fault.correct > result.best->correct) result.best = &fault;
  }
  return result;
}

Spread spread(const Campaign& campaign) {
  Spread result;
  if (campaign.faults.empty()) return result;
  double count = 0;
  for (const FaultOutcome& fault : campaign.faults) count += fault.weight;
  for (const FaultOutcome& fault : campaign.faults) {
    result.mean += fault.weight * accuracy(campaign, fault) / count;
  }
  for (const FaultOutcome& fault : campaign.faults) {
    const double difference = accuracy(campaign, fault) - result.mean;
    result.variance += fault.weight * difference * difference / count;
  }
  return result;
}

std::vector<double> sorted_losses(const Campaign& campaign) {
  std::vector<double> losses;
  for (const FaultOutcome& fault : campaign.faults) losses.push_back(points_lost(campaign, fault));
  std::sort(losses.begin(), losses.end(), std::greater<>());
  return losses;
}

StatusCounts statuses(const Campaign& campaign) {
  StatusCounts counts;
  for (const FaultOutcome& fault : campaign.faults) {
    counts.image_masked += fault.masked;
    counts.image_critical += fault.critical;
    counts.image_tolerated += campaign.images - fault.masked - fault.critical;
    const double lost = points_lost(campaign, fault);
    if (fault.masked == campaign.images) {
      ++counts.masked;
    } else if (fault.critical == 0) {
      ++counts.tolerated;
    } else if (lost < 1) {
      ++counts.critical_below_1;
    } else if (lost < 10) {
      ++counts.critical_below_10;
    } else {
      ++counts.critical_rest;
    }
  }
  return counts;
}

int damage_class(double points) {
  int index = 0;
  while (index + 1 < static_cast<int>(damage_edges.size()) &&
         points >= damage_edges[static_cast<size_t>(index) + 1]) {
    ++index;
  }
  return index;
}

std::string damage_class_name(int index) {
  const auto edge = [](int i) { return coordinate(damage_edges[static_cast<size_t>(i)]); };
  if (index == 0) return "below " + edge(1);
  if (index + 1 == static_cast<int>(damage_edges.size())) return edge(index) + " and more";
  return edge(index) + " to " + edge(index + 1);
}

std::string fault_noun(const std::string& kind) {
  if (kind == "channel") return "broken channel";
  if (kind.starts_with("pixel")) return "broken " + kind;
  if (kind == "chip") return "broken chip";
  if (kind == "PE dead") return "dead PE";
  return kind + " fault";
}

int network_index(const ReportInput& input, const std::string& label) {
  std::string known;
  for (size_t i = 0; i < input.networks.size(); ++i) {
    if (input.networks[i].label == label) return static_cast<int>(i);
    known += (i > 0 ? ", " : "") + input.networks[i].label;
  }
  throw InputError("report", "unknown network '" + label + "'", known);
}

void check(const ReportInput& input) {
  std::set<std::string> labels;
  for (const NetworkInfo& network : input.networks) {
    require(labels.insert(network.label).second, "two networks '" + network.label + "'",
            "a label of its own for each");
  }
  for (const auto* campaigns : {&input.campaigns, &input.pe_campaigns}) {
    for (const Campaign& campaign : *campaigns) {
      network_index(input, campaign.network);
      check(campaign);
    }
  }
  for (const Simulation& simulation : input.simulations) {
    network_index(input, simulation.network);
  }
}

}  // namespace stuckat::report
