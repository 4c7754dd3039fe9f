#include "tools/report/convert.h"

#include <algorithm>
#include <map>
#include <set>

#include "sim/campaign/summary.h"
#include "tools/report/svg.h"
#include "workloads/errors.h"
#include "workloads/json_file.h"

namespace stuckat::report {
namespace {

using campaign::FaultInfo;

/// What the campaign's faults are called in the report, by how its fault set was written.
std::string kind_of(const std::string& whole_spec) {
  const std::string spec = whole_spec.substr(0, whole_spec.find(":levels="));
  if (spec == "pe" || spec == "sites:pe/dead") return "PE dead";
  if (spec == "pixel:before-pool") return "pixel before the pool";
  if (spec.starts_with("sites:")) return spec.substr(6);
  if (spec.starts_with("map:")) return "chip";
  if (spec.starts_with("list:") || spec.starts_with("id:")) return "listed";
  return spec;
}

std::string level_name(int level, bool is_signed) {
  if (level == FaultInfo::no_level) return "";
  return (is_signed && level > 0 ? "+" : "") + std::to_string(level);
}

std::string group_of(const campaign::Result& result, const FaultInfo& fault) {
  if (!fault.part.empty()) return fault.part;
  if (fault.layer >= 0) return result.layer_names[static_cast<size_t>(fault.layer)];
  return "all";
}

std::string readable_name(const FaultInfo& fault, const std::string& kind, const std::string& group,
                          const std::string& level) {
  if (kind == "PE dead" && fault.pe >= 0) {
    return "PE " + std::to_string(fault.pe) + " of " + group + " dead at " + level;
  }
  if (!fault.part.empty() || level.empty()) return fault.id;
  if (fault.channel >= 0) {
    return "channel " + std::to_string(fault.channel) + " of " + group + " stuck at " + level;
  }
  if (fault.y >= 0) {
    return "pixel (" + std::to_string(fault.y) + ", " + std::to_string(fault.x) + ") of " + group +
           " stuck at " + level;
  }
  return fault.id;
}

/// Units that exist although no fault of the result names them.
int known_units(const std::string& group, const FaultInfo& fault, const Network* network,
                const Placement* placement) {
  if (placement && fault.pe >= 0) {
    for (const PeArray& array : placement->arrays) {
      if (array.name == group) return array.pe;
    }
  }
  if (network && fault.part.empty() && fault.channel >= 0 && fault.layer >= 0 &&
      fault.layer < static_cast<int>(network->layers.size())) {
    return network->layers[static_cast<size_t>(fault.layer)].output.channels;
  }
  return 0;
}

std::string sampling_note(const campaign::Result& result) {
  if (!result.identity.sampling) return {};
  int64_t population = 0;
  for (const campaign::Stratum& stratum : result.strata) population += stratum.population;
  return "a sample of " + grouped(population) + " faults, +-" +
         coordinate(100 * result.identity.sampling->margin) + " % at a confidence of " +
         coordinate(100 * result.identity.sampling->confidence) + " %";
}

/// Which images were counted, by name, place and content.
std::string data_of(const campaign::Result& result) {
  const campaign::Identity& id = result.identity;
  const campaign::ImageRange of_shard = campaign::shard_images(id.images, result.shard);
  const int64_t first = id.first_image + of_shard.first;
  return id.data + ", images " + grouped(first) + " to " + grouped(first + of_shard.count - 1) +
         ", content " + id.data_hash.substr(0, 8);
}

std::string notes(const campaign::Result& result) {
  std::string text = sampling_note(result);
  if (result.shard.count > 1) {
    text += (text.empty() ? "" : "; ") + std::string("only shard ") +
            std::to_string(result.shard.index) + " of " + std::to_string(result.shard.count) +
            ": the other images are not counted here";
  }
  return text;
}

/// The accelerator in the campaign's resolved configuration, "" if it names none.
std::string configured_accelerator(const campaign::Result& result) {
  const auto json = json_or_nothing(result.identity.configuration);
  if (!json || !json->is_object()) return {};
  const auto entry = json->find("accelerator");
  return entry != json->end() && entry->is_string() ? entry->get<std::string>() : std::string();
}

/// Pictures have a place for each unit, whether a fault is there or not. Arrays of more PEs than
/// this are examined by as many faults.
void check_units(const Campaign& campaign) {
  constexpr int64_t drawn_anyway = 4096, per_fault = 64;
  const int64_t most = drawn_anyway + per_fault * static_cast<int64_t>(campaign.faults.size());
  for (const Campaign::Group& group : campaign.groups) {
    if (group.units <= most) continue;
    throw InputError("report",
                     "a campaign of " + grouped(static_cast<int64_t>(campaign.faults.size())) +
                         " faults names unit " + grouped(group.units - 1) + " of " + group.name,
                     "at most " + grouped(most) + " units");
  }
}

/// The label's network is in the input, and is the one that the result is about.
void add_network(ReportInput& input, const std::string& label, const campaign::Identity& identity) {
  const auto place = std::find_if(input.networks.begin(), input.networks.end(),
                                  [&](const NetworkInfo& n) { return n.label == label; });
  if (place == input.networks.end()) {
    input.networks.push_back({label, identity.network, "", identity.network_hash});
  } else if (place->hash.empty()) {
    place->hash = identity.network_hash;
  } else if (place->hash != identity.network_hash) {
    throw InputError("report",
                     "a campaign of '" + label + "' was made with another network, hash " +
                         identity.network_hash,
                     place->hash);
  }
}

void add_fact(ReportInput& input, const std::string& name, const std::string& value) {
  const bool known = std::any_of(input.facts.begin(), input.facts.end(), [&](const Fact& fact) {
    return fact.name == name && fact.value == value;
  });
  if (!value.empty() && !known) input.facts.push_back({name, value});
}

}  // namespace

Campaign from_campaign(const std::string& label, const campaign::Result& result,
                       const Network* network, const Placement* placement) {
  Campaign campaign;
  campaign.network = label;
  campaign.kind = kind_of(result.identity.faults);
  campaign.images = result.images;
  campaign.golden_correct = result.total_golden_correct();
  campaign.note = notes(result);
  campaign.data = data_of(result);
  campaign.sampled = result.identity.sampling.has_value();
  const stuckat::campaign::Estimate golden = stuckat::campaign::golden_limits(result);
  const int64_t worst = stuckat::campaign::overall(result).accuracy.worst;
  const auto loss =
      worst < 0 ? stuckat::campaign::Estimate{} : stuckat::campaign::loss_limits(result, worst);
  campaign.limits = {stuckat::campaign::confidence(result), 100 * golden.low, 100 * golden.high,
                     100 * loss.low, 100 * loss.high};

  std::set<int> levels;
  std::map<std::string, int> widths;  // of a group's pixels: greatest x + 1
  for (const FaultInfo& fault : result.faults) {
    levels.insert(fault.level);
    int& width = widths[group_of(result, fault)];
    width = std::max(width, fault.x + 1);
  }
  const bool is_signed = std::any_of(levels.begin(), levels.end(), [](int level) {
    return level < 0 && level != FaultInfo::no_level;
  });
  std::map<int, int> level_index;
  for (const int level : levels) {
    level_index[level] = static_cast<int>(campaign.levels.size());
    campaign.levels.push_back(level_name(level, is_signed));
  }

  std::map<std::string, int> group_index;
  bool has_part = false;
  for (int64_t f = 0; f < result.size(); ++f) {
    const FaultInfo& fault = result.faults[static_cast<size_t>(f)];
    has_part = has_part || !fault.part.empty();
    const std::string name = group_of(result, fault);
    const auto [place, is_new] =
        group_index.try_emplace(name, static_cast<int>(campaign.groups.size()));
    if (is_new) campaign.groups.push_back({name, 0});
    Campaign::Group& group = campaign.groups[static_cast<size_t>(place->second)];

    FaultOutcome outcome;
    outcome.group = place->second;
    outcome.level = level_index.at(fault.level);
    outcome.name = readable_name(fault, campaign.kind, name,
                                 campaign.levels[static_cast<size_t>(outcome.level)]);
    if (fault.pe >= 0) {
      outcome.unit = fault.pe;
    } else if (fault.channel >= 0) {
      outcome.unit = fault.channel;
    } else if (fault.y >= 0) {
      outcome.unit = fault.y * widths.at(name) + fault.x;
    } else {
      outcome.unit = group.units;
    }
    group.units =
        std::max({group.units, outcome.unit + 1, known_units(name, fault, network, placement)});
    outcome.correct = result.total_correct(f);
    outcome.masked = result.masked(f);
    outcome.critical = result.critical[static_cast<size_t>(f)];
    outcome.id = fault.id;
    campaign.faults.push_back(std::move(outcome));
  }
  for (const stuckat::campaign::Stratum& s : result.strata) {
    for (int64_t f = s.first; f < s.first + s.count; ++f) {
      campaign.faults[static_cast<size_t>(f)].weight =
          static_cast<double>(s.population) / static_cast<double>(s.count);
    }
  }
  check_units(campaign);
  if (has_part || campaign.kind == "chip") {
    campaign.accelerator = placement ? placement->accelerator : configured_accelerator(result);
  }
  return campaign;
}

bool is_pe_campaign(const campaign::Result& result) {
  return !result.faults.empty() &&
         std::all_of(result.faults.begin(), result.faults.end(),
                     [](const FaultInfo& fault) { return fault.pe >= 0 && !fault.part.empty(); });
}

void add_campaign(ReportInput& input, const std::string& label, const campaign::Result& result,
                  const Network* network, const Placement* placement) {
  const campaign::Identity& identity = result.identity;
  add_network(input, label, identity);
  auto& campaigns = is_pe_campaign(result) ? input.pe_campaigns : input.campaigns;
  campaigns.push_back(from_campaign(label, result, network, placement));
  const std::string data = identity.data + ", images " + grouped(identity.first_image) + " to " +
                           grouped(identity.first_image + identity.images - 1);
  if (input.data.empty()) input.data = data;
  add_fact(input, "Data hash (" + data + ")", identity.data_hash);
  add_fact(input, "Fault list hash (" + identity.faults + ")", identity.faults_hash);
  if (!identity.configuration.empty()) {
    const std::string where =
        campaigns.back().accelerator.empty() ? "" : ", " + campaigns.back().accelerator;
    input.recipes.push_back(
        {"campaign, " + label + ", " + identity.faults + where, identity.configuration});
  }
}

}  // namespace stuckat::report
