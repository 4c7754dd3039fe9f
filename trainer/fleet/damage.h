// What the broken parts of a chip do to a network that goes on learning on it.
#pragma once

#include <cstdint>
#include <functional>

#include "faultmaps/effects.h"
#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "workloads/network.h"

namespace stuckat::trainer {

struct Damage {
  /// On a network with these parameters. share: of the broken parts that are there already, above 0
  /// up to 1, in an order of their own: a greater share breaks all that a smaller one does.
  std::function<Effects(const Network&, double share)> effects;
  /// Effects are others when the parameters are (a weight memory with a stuck bit): asked before
  /// every step.
  bool depends_on_parameters = false;
};

/// Of a valid map, by lower(). seed: of the order in which parts break.
Damage damage_of(const FaultMap& map, const Placement& placement, uint64_t seed);

/// The effects are weights that count as 0, and nothing else: bypassed PEs. Then a network that has
/// these weights at 0 computes the same with and without them, and with any part of them.
bool only_prunes(const Effects& effects);

/// The network with the weights at 0 that the effects prune; other effects are left to the chip.
Network pruned(Network network, const Effects& effects);

}  // namespace stuckat::trainer
