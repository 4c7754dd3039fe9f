// Lots of chips cut from wafers: dies within a circle, faults denser towards its edge.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/site_index.h"

namespace stuckat {

/// A die of the grid of `across` x `across` square dies that a wafer's diameter holds.
struct Die {
  int column = 0;
  int row = 0;
  double radius = 0;  ///< of its centre, as a share of the wafer's, 0 to below 1

  bool operator==(const Die&) const = default;
};

/// Dies that lie in the circle with all four corners, row by row. Throws InputError unless across
/// is 3 to 1000: dies as wide as the wafer, or half as wide, have corners outside.
std::vector<Die> wafer_dies(int across);

/// [choice] Faults of a die: Poisson with a mean in proportion to 1 + (edge - 1) * radius^power,
/// negative binomial with a finite alpha as in PoissonModel; the mean over all dies is `faults`.
struct WaferModel {
  int across = 12;  ///< dies along the diameter
  double faults = 1;
  double edge = 3;   ///< density at the edge against that in the centre, 0 or more
  double power = 2;  ///< how the density rises to it, above 0
  double alpha = 0;  ///< 0: no further variation
};
/// Mean number of faults of each die, in the order of wafer_dies().
std::vector<double> wafer_means(const WaferModel& model);

/// Chip number `chip` of a lot: die chip mod dies of its wafer. Throws InputError.
FaultMap wafer_map(const std::vector<SiteKind>& kinds, const WaferModel& model, int64_t chip,
                   uint64_t seed, const SiteIndex& sites);

}  // namespace stuckat
