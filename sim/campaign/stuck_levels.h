// At which levels of a format channels, pixels and dead PEs stick: all of them where they are few.
#pragma once

#include <string>
#include <vector>

#include "sim/campaign/fault_set.h"

namespace stuckat::campaign {

/// Which levels of a format: all; the extremes, which are the lowest, zero if there is one, and the
/// highest; or some number of them, evenly from the lowest to the highest.
class StuckLevels {
 public:
  /// All of a format of at most 16 levels, the extremes of others.
  StuckLevels() = default;
  /// "all", "extremes" or a number from 2 on. Throws InputError(where, ...).
  static StuckLevels parse(const std::string& text, const std::string& where);

  std::vector<int> of(NumberFormat format) const;  ///< ascending
  /// Of these levels, ascending and not empty.
  std::vector<int> of(const std::vector<int>& levels) const;
  /// Of every format of the network's injectable layers: "uint8: 0, 255; int8_full: -128, 0, 127".
  std::string text(const Network& network) const;

 private:
  enum class Which { by_format, all, extremes, evenly };
  Which which_ = Which::by_format;
  int count_ = 0;
};

/// "-128, 0, 127".
std::string listed(const std::vector<int>& levels);

/// channel_faults() and pixel_faults() (fault_set.h) at these levels. Their spec is "channel" where
/// these are all of every format, else that and the levels: "channel:levels=uint8: 0, 255".
FaultSet channel_faults(const Network& network, const StuckLevels& levels);
FaultSet pixel_faults(const Network& network, bool before_pool, const StuckLevels& levels);

/// Every PE dead at these levels: those of what a PE computes. Spec: "pe", or that and the levels:
/// "pe:levels=0, 255".
FaultSet dead_pe_faults(const Network& network, const Placement& placement,
                        const StuckLevels& levels);

/// The set of "channel", "pixel", "pixel:before-pool" or "pe" (which needs a placement). Throws
/// InputError(where, ...) for other sets, which stick at no level.
FaultSet faults_at_levels(const std::string& spec, const Network& network,
                          const Placement* placement, const StuckLevels& levels,
                          const std::string& where);

}  // namespace stuckat::campaign
