#include "sim/protect/chip_orders.h"

#include <algorithm>
#include <optional>

#include "sim/campaign/stuck_levels.h"
#include "sim/protect/channel_sets.h"

namespace stuckat::protect {
namespace {

/// Rows of the layers that are ranked which one PE computes, at the most.
std::map<int, int> rows_of_pe(const Network& network, const Placement& placement) {
  std::map<int, int> result;
  for (const PeArray& array : placement.arrays) {
    for (const ArrayUse& use : array.uses) {
      if (!why_fixed(network, array, use.layer).empty()) continue;
      const int rows = network.layer(use.layer).rows();
      result[use.layer] = (rows + array.pe - 1) / array.pe;
    }
  }
  return result;
}

/// That channels are measured at: all of a few, else the extremes and 0.
std::vector<int> levels_of(const Network& network, int layer) {
  return campaign::StuckLevels().of(network.layer(layer).output_format);
}

/// Sets of one layer's channels, stuck at one code.
struct Chain {
  int layer = 0;
  int level = 0;
  int rows = 0;               // that sets are measured to
  std::vector<int> singles;   // all channels, the cheapest alone first
  std::vector<int> chosen;    // in the order of choice
  std::vector<int> proposed;  // for the next one
};

Effects stuck_set(const Network& network, const Chain& chain, int further) {
  Effects effects = stuck_channel(network, chain.layer, further, chain.level);
  std::vector<int>& channels = effects.elements.front().channels;
  channels.insert(channels.end(), chain.chosen.begin(), chain.chosen.end());
  std::sort(channels.begin(), channels.end());
  return effects;
}

/// Of the channels that are not chosen yet, the cheapest ones alone.
void propose(Chain& chain, int candidates) {
  chain.proposed.clear();
  if (static_cast<int>(chain.chosen.size()) >= chain.rows) return;
  for (const int channel : chain.singles) {
    if (static_cast<int>(chain.proposed.size()) == candidates) return;
    if (std::count(chain.chosen.begin(), chain.chosen.end(), channel) == 0) {
      chain.proposed.push_back(channel);
    }
  }
}

/// One channel more for each chain that is not done; false if all are.
bool grow(Meter& meter, std::vector<Chain>& chains, int candidates) {
  std::vector<Effects> sets;
  for (Chain& chain : chains) {
    propose(chain, candidates);
    for (const int channel : chain.proposed) {
      sets.push_back(stuck_set(meter.network(), chain, channel));
    }
  }
  if (sets.empty()) return false;
  const std::vector<int64_t> right = meter.correct(std::move(sets));
  auto next = right.begin();
  for (Chain& chain : chains) {
    if (chain.proposed.empty()) continue;
    const auto end = next + std::ssize(chain.proposed);
    const auto best = std::max_element(next, end) - next;
    chain.chosen.push_back(chain.proposed[static_cast<size_t>(best)]);
    next = end;
  }
  return true;
}

/// Channels by images right, the most first.
std::vector<int> ranked(const std::vector<int64_t>& right) {
  std::vector<int> channels = identity_order(static_cast<int>(right.size()));
  std::stable_sort(channels.begin(), channels.end(), [&](int a, int b) {
    return right[static_cast<size_t>(a)] > right[static_cast<size_t>(b)];
  });
  return channels;
}

/// Rows of a layer that are broken, by the code that they are stuck at; without one: in any way.
using BrokenRows = std::map<std::optional<uint32_t>, std::vector<int>>;

class Broken {
 public:
  explicit Broken(const ChannelRanks& ranks) : ranks_(ranks) {}

  void operator()(const ElementFault& fault) {
    const int layer = Network::producer(fault.tensor);
    std::optional<uint32_t> code;
    if (fault.mask.is_constant() && fault.pixels.empty()) code = fault.mask.set;
    add(layer, fault.channels, code);
  }
  void operator()(const OperatorFault& fault) { add(fault.layer, fault.rows, {}); }
  void operator()(const WindowFault& fault) { add(fault.layer, fault.rows, {}); }
  void operator()(const ParameterPatch& patch) { add(patch.layer, {patch.row}, {}); }
  void operator()(const OperandFault&) {}  // all rows read it
  void operator()(const PoolFault&) {}     // no rows

  /// [layer]; a row that is broken in several ways is there once, with a code if it has one.
  std::map<int, BrokenRows> rows() const {
    std::map<int, BrokenRows> result;
    for (const auto& [layer, codes] : codes_) {
      for (const auto& [row, code] : codes) result[layer][code].push_back(row);
    }
    return result;
  }

 private:
  void add(int layer, const std::vector<int>& rows, std::optional<uint32_t> code) {
    const auto known = ranks_.find(layer);
    if (known == ranks_.end()) return;
    if (code && known->second.stuck.count(*code) == 0) code.reset();
    for (const int row : rows) {
      std::optional<uint32_t>& of_row = codes_[layer][row];
      if (code) of_row = code;
    }
  }

  const ChannelRanks& ranks_;
  std::map<int, std::map<int, std::optional<uint32_t>>> codes_;  // by layer and row
};

/// Channels for the rows of each code, in turn.
BrokenRows chosen_channels(const LayerRanks& ranks, const BrokenRows& rows) {
  BrokenRows chosen;
  std::vector<bool> taken(ranks.any.size());
  bool more = true;
  while (more) {
    more = false;
    for (const auto& [code, of_code] : rows) {
      std::vector<int>& channels = chosen[code];
      if (channels.size() == of_code.size()) continue;
      const std::vector<int>& rank = code ? ranks.stuck.at(*code) : ranks.any;
      const int next = *std::find_if(rank.begin(), rank.end(),
                                     [&](int c) { return !taken[static_cast<size_t>(c)]; });
      taken[static_cast<size_t>(next)] = true;
      channels.push_back(next);
      more = true;
    }
  }
  return chosen;
}

ChannelOrder order_of(const LayerRanks& ranks, const BrokenRows& rows) {
  const size_t all = ranks.any.size();
  ChannelOrder order(all, -1);
  std::vector<bool> placed(all);
  const auto place = [&](int row, int channel) {
    order[static_cast<size_t>(row)] = channel;
    placed[static_cast<size_t>(channel)] = true;
  };
  std::map<std::optional<uint32_t>, std::vector<int>> left = chosen_channels(ranks, rows);
  for (auto& [code, channels] : left) {
    const std::vector<int>& of_code = rows.at(code);
    for (const int row : of_code) {
      if (std::erase(channels, row) > 0) place(row, row);
    }
    auto next = channels.begin();
    for (const int row : of_code) {
      if (order[static_cast<size_t>(row)] < 0) place(row, *next++);
    }
  }
  // Whole rows keep their channel if it is left, else take one that made room.
  for (size_t row = 0; row < all; ++row) {
    if (order[row] < 0 && !placed[row]) place(static_cast<int>(row), static_cast<int>(row));
  }
  int channel = 0;
  for (size_t row = 0; row < all; ++row) {
    if (order[row] >= 0) continue;
    while (placed[static_cast<size_t>(channel)]) ++channel;
    place(static_cast<int>(row), channel);
  }
  return order;
}

}  // namespace

ChannelRanks rank_channels(Meter& meter, const Placement& placement, const RankOptions& options) {
  const Network& network = meter.network();
  const std::map<int, int> rows = rows_of_pe(network, placement);
  std::vector<Effects> singles;
  for (const auto& [layer, of_pe] : rows) {
    for (const int level : levels_of(network, layer)) {
      for (int channel = 0; channel < network.layer(layer).rows(); ++channel) {
        singles.push_back(stuck_channel(network, layer, channel, level));
      }
    }
  }
  const std::vector<int64_t> right = meter.correct(std::move(singles));
  ChannelRanks ranks;
  std::vector<Chain> chains;
  auto next = right.begin();
  for (const auto& [layer, of_pe] : rows) {
    const int channels = network.layer(layer).rows();
    std::vector<int64_t> worst(static_cast<size_t>(channels), meter.images());
    for (const int level : levels_of(network, layer)) {
      const std::vector<int64_t> alone(next, next + channels);
      next += channels;
      for (size_t c = 0; c < alone.size(); ++c) worst[c] = std::min(worst[c], alone[c]);
      const int most = std::min(channels, options.broken_pes * of_pe);
      chains.push_back({layer, level, most, ranked(alone), {}, {}});
    }
    ranks[layer].any = ranked(worst);
  }
  while (grow(meter, chains, options.candidates)) {
  }
  for (Chain& chain : chains) {
    std::vector<int>& rank = chain.chosen;
    for (const int channel : chain.singles) {
      if (std::count(rank.begin(), rank.end(), channel) == 0) rank.push_back(channel);
    }
    const uint32_t code = network.layer(chain.layer).output_format.code(chain.level);
    ranks[chain.layer].stuck[code] = std::move(rank);
  }
  return ranks;
}

bool reorders(const Network& network, const Placement& placement) {
  return !rows_of_pe(network, placement).empty();
}

std::vector<std::string> unranked(const Network& network, const Placement& placement) {
  std::vector<std::string> reasons;
  for (const PeArray& array : placement.arrays) {
    for (const ArrayUse& use : array.uses) {
      const std::string reason = why_fixed(network, array, use.layer);
      if (!reason.empty()) reasons.push_back(network.layer(use.layer).name + ": " + reason);
    }
  }
  return reasons;
}

ChannelOrders orders_around(const Network& network, const ChannelRanks& ranks,
                            const Effects& effects) {
  Broken broken(ranks);
  for_each_fault(effects, broken);
  ChannelOrders orders;
  for (const auto& [layer, rows] : broken.rows()) {
    ChannelOrder order = order_of(ranks.at(layer), rows);
    if (order != identity_order(network.layer(layer).rows())) orders[layer] = std::move(order);
  }
  return orders;
}

}  // namespace stuckat::protect
