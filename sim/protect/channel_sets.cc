#include "sim/protect/channel_sets.h"

#include <algorithm>

#include "faultmaps/array_map.h"
#include "faultmaps/lower.h"
#include "faultmaps/normal_form.h"
#include "faultmaps/sites.h"
#include "workloads/errors.h"
#include "workloads/permutation.h"

namespace stuckat::protect {
namespace {

int array_index(const Placement& placement, const std::string& array, int pe) {
  for (size_t i = 0; i < placement.arrays.size(); ++i) {
    if (placement.arrays[i].name == array && pe >= 0 && pe < placement.arrays[i].pe) {
      return static_cast<int>(i);
    }
  }
  throw InputError(placement.accelerator, "no PE " + std::to_string(pe) + " of '" + array + "'",
                   "an array of PEs and one of its PEs");
}

}  // namespace

std::string why_fixed(const Network& network, const PeArray& array, int layer) {
  if (array.schedule == Schedule::pixel_parallel) {
    return "each PE computes all channels, at its own pixels";
  }
  if (array.pe == 1) return "PE = 1: the only PE computes all channels";
  return fixed_order_reason(network, layer);
}

DeadPe::DeadPe(const Network& network, const Placement& placement, const std::string& array, int pe)
    : name_(array + "/pe[" + std::to_string(pe) + "]") {
  const int index = array_index(placement, array, pe);
  const PeArray& a = placement.arrays[static_cast<size_t>(index)];
  levels_ = site_values(site_row(SiteKind::pe_dead), placement, index, network);
  for (const ArrayUse& use : a.uses) {
    const ArrayMap map(a, use, network.layer(use.layer));
    if (!map.computes(pe)) continue;
    std::vector<int> rows = map.rows(pe);
    if (rows.empty()) rows = multiples(0, 1, network.layer(use.layer).rows());
    placed_[use.layer] = std::move(rows);
    const std::string reason = protect::why_fixed(network, a, use.layer);
    if (reason.empty()) {
      movable_.push_back(use.layer);
    } else {
      why_fixed_[use.layer] = reason;
    }
  }
  for (const int level : levels_) {
    const Fault fault{SiteKind::pe_dead, array, {pe, 0, 0, 0}, level};
    effects_.push_back(lower({placement.accelerator, {fault}}, placement, network));
  }
}

std::vector<Effects> DeadPe::effects(const ChannelSets& sets) const {
  std::vector<Effects> result = effects_;
  for (Effects& effects : result) {
    for (ElementFault& fault : effects.elements) {
      const auto set = sets.find(Network::producer(fault.tensor));
      if (set != sets.end()) fault.channels = set->second;
    }
    std::erase_if(effects.elements, [&](const ElementFault& fault) {
      const auto set = sets.find(Network::producer(fault.tensor));
      return set != sets.end() && set->second.empty();
    });
    normalize(effects);
  }
  return result;
}

std::vector<SetScore> measure(Meter& meter, const DeadPe& pe,
                              const std::vector<ChannelSets>& sets) {
  const size_t levels = pe.levels().size();
  std::vector<Effects> faults;
  faults.reserve(sets.size() * levels);
  for (const ChannelSets& set : sets) {
    for (Effects& effects : pe.effects(set)) faults.push_back(std::move(effects));
  }
  const std::vector<int64_t> correct = meter.correct(std::move(faults));
  std::vector<SetScore> scores;
  for (size_t s = 0; s < sets.size(); ++s) {
    SetScore score{correct[s * levels], 0, pe.levels().front()};
    for (size_t l = 0; l < levels; ++l) {
      const int64_t right = correct[s * levels + l];
      score.sum += right;
      if (right < score.least) {
        score.least = right;
        score.level = pe.levels()[l];
      }
    }
    scores.push_back(score);
  }
  return scores;
}

std::vector<DeadPe> dead_pes(const Network& network, const Placement& placement) {
  std::vector<DeadPe> result;
  for (const PeArray& array : placement.arrays) {
    for (int pe = 0; pe < array.pe; ++pe) {
      DeadPe dead(network, placement, array.name, pe);
      if (!dead.placed().empty()) result.push_back(std::move(dead));
    }
  }
  return result;
}

}  // namespace stuckat::protect
