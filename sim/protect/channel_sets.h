// Sets of channels that stand or fall together: those that one PE computes. How bad a set is, is
// measured: it is no sum over its channels.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/placement.h"
#include "sim/protect/meter.h"

namespace stuckat::protect {

/// Channels by layer, ascending in each.
using ChannelSets = std::map<int, std::vector<int>>;

/// Why another order of the layer's channels changes nothing for one PE of an array that computes
/// them; empty if it does.
std::string why_fixed(const Network& network, const PeArray& array, int layer);

/// A PE that gives one level, whatever channels it computes.
class DeadPe {
 public:
  /// PE `pe` of the array called `array`. Throws InputError(placement.accelerator, ...) where there
  /// is none. Both outlive it.
  DeadPe(const Network& network, const Placement& placement, const std::string& array, int pe);

  /// "layer1/mvtu/pe[5]"
  const std::string& name() const { return name_; }
  /// What it can be stuck at.
  const std::vector<int>& levels() const { return levels_; }
  /// As placed, of each layer that it computes channels of.
  const ChannelSets& placed() const { return placed_; }
  /// Those layers of placed() whose channels have another order that it gains from; the others
  /// with why_fixed().
  const std::vector<int>& movable() const { return movable_; }
  const std::map<int, std::string>& why_fixed() const { return why_fixed_; }
  /// On the network as it is, [levels()]: the PE computes `sets` in the layers that they name (an
  /// empty one: it spoils nothing there), and in others what is placed.
  std::vector<Effects> effects(const ChannelSets& sets) const;

 private:
  std::string name_;
  std::vector<int> levels_;
  ChannelSets placed_;
  std::vector<int> movable_;
  std::map<int, std::string> why_fixed_;
  std::vector<Effects> effects_;  // [levels_], as placed
};

/// How bad a set is: the fewest images right over all levels decides, then their sum.
struct SetScore {
  int64_t least = 0;  ///< images right at the worst level
  int64_t sum = 0;    ///< of images right over all levels
  int level = 0;      ///< the worst one

  bool operator<(const SetScore& other) const {
    return least != other.least ? least < other.least : sum < other.sum;
  }
  bool operator==(const SetScore&) const = default;
};

/// [sets]
std::vector<SetScore> measure(Meter& meter, const DeadPe& pe, const std::vector<ChannelSets>& sets);

/// Every PE of the placement's arrays that computes channels of the network, array by array.
std::vector<DeadPe> dead_pes(const Network& network, const Placement& placement);

}  // namespace stuckat::protect
