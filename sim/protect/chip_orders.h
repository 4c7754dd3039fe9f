// For each chip of a lot, an order of channels that puts what matters least on its broken PEs. How
// bad channels are is measured once for all chips; each chip's order follows from that.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/placement.h"
#include "sim/protect/meter.h"
#include "workloads/permutation.h"

namespace stuckat::protect {

/// All channels of a layer, in the order in which broken hardware should take them.
struct LayerRanks {
  /// By the code that the channels would be stuck at (of the format of the layer's output): the
  /// first n of them together cost little, as measured.
  std::map<uint32_t, std::vector<int>> stuck;
  std::vector<int> any;  ///< by what each alone costs at its worst code
};
/// By layer; layers whose channels gain nothing from another order are left out.
using ChannelRanks = std::map<int, LayerRanks>;

struct RankOptions {
  int candidates = 8;  ///< channels that are tried as the next one of a set
  int broken_pes = 4;  ///< sets are grown to the rows of so many PEs, the rest by single channels
};

/// [choice] First each channel alone, stuck at each code (of formats of more than 16 levels: the
/// lowest, 0 and the highest); then sets, grown channel by channel: of those candidates that cost
/// least alone, the one with which the set costs least, all measured on the meter's images. Does
/// not depend on threads.
ChannelRanks rank_channels(Meter& meter, const Placement& placement,
                           const RankOptions& options = {});

/// Whether rank_channels() has any layer to rank.
bool reorders(const Network& network, const Placement& placement);

/// "LAYER: reason" for those that rank_channels() leaves out.
std::vector<std::string> unranked(const Network& network, const Placement& placement);

/// Orders in which the rows that the effects break get the first channels of the ranks: rows whose
/// output is stuck by its code, others by `any`; several codes of a layer choose in turn. Channels
/// that need not move stay, layers where none moves are left out. `effects`: of the network as it
/// is, whatever lies there.
ChannelOrders orders_around(const Network& network, const ChannelRanks& ranks,
                            const Effects& effects);

}  // namespace stuckat::protect
