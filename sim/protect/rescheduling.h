// Which channels a PE computes, as a measure (Gambardella et al. 2019, "fault-aware scheduling of
// PEs", in two readings): after a fault the broken PE gets the channels that cost least; at design
// time critical channels come together on few PEs, which are then protected. A schedule is an order
// of channels (workloads/permutation.h): fault-free logits and all cycles stay as they are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faultmaps/placement.h"
#include "sim/protect/channel_sets.h"
#include "sim/protect/meter.h"
#include "workloads/permutation.h"

namespace stuckat::protect {

struct SearchOptions {
  int64_t sets = 2048;  ///< about so many sets are measured; if there are no more, all of them
  int exchanges = 4;    ///< rounds in which single channels are exchanged, at the most
  int random = 16;      ///< random sets beside them, for comparison
  uint64_t seed = 1;
};

/// What another choice of channels gains for one dead PE.
struct Rescheduling {
  SetScore placed;               ///< with the channels that it has
  SetScore chosen;               ///< with `sets`; never worse than placed, or than a random one
  ChannelSets sets;              ///< of DeadPe::movable(), as many channels as placed
  bool optimal = false;          ///< every set was measured
  int64_t measured = 0;          ///< sets that were measured
  std::vector<SetScore> random;  ///< of random sets; none where nothing is movable
};

/// The best set where all of them may be measured (one layer, few sets); else a set grown channel
/// by channel, of all layers together, and improved by exchanges. Without movable layers what is
/// placed.
Rescheduling reschedule_around(Meter& meter, const DeadPe& pe, const SearchOptions& options);

/// The sets as orders: channels that the PE gets change places with those that it had.
ChannelOrders orders_for(const Network& network, const DeadPe& pe, const ChannelSets& sets);

/// What a PE computes under the orders, in the channels of the network as it is.
ChannelSets sets_under(const DeadPe& pe, const ChannelOrders& orders);

/// Points lost with one channel stuck at its worst level, by layer and channel, of all layers whose
/// order is free.
std::map<int, std::vector<double>> criticality(Meter& meter);

/// The most critical channels of each layer on PE 0, the next ones on PE 1, and so on: layers of
/// which several PEs compute different channels. Ties: the lower channel first.
ChannelOrders clustered(const Network& network, const Placement& placement,
                        const std::map<int, std::vector<double>>& critical);

/// A random order of the same layers.
ChannelOrders shuffled(const Network& network, const Placement& placement, uint64_t seed);

}  // namespace stuckat::protect
