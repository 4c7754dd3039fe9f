// Random fault maps. Every generator makes one chip from one seed; a lot of chips takes
// chip_seed(seed, chip) for each (draws.h), so chip i never depends on how many are drawn.
// Values are drawn uniformly from what the site can be stuck at. All maps are valid.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faultmaps/draws.h"
#include "faultmaps/fault_map.h"
#include "faultmaps/site_index.h"

namespace stuckat {

/// Each site of the kinds broken with probability `rate`, independently. Time grows with the number
/// of faults, not with the number of sites.
FaultMap random_map(const std::vector<SiteKind>& kinds, double rate, uint64_t seed,
                    const SiteIndex& sites);
FaultMap random_map(const std::vector<SiteKind>& kinds, double rate, uint64_t seed,
                    const Placement& placement, const Network& network);

/// Exactly `count` broken sites, every choice of sites equally likely.
FaultMap exact_map(const std::vector<SiteKind>& kinds, int64_t count, uint64_t seed,
                   const SiteIndex& sites);

/// Faults of a chip: Poisson with a mean of `faults` (a defect density times an area). With a
/// finite `alpha` the mean itself varies from chip to chip, Gamma with shape alpha: negative
/// binomial counts, variance mean + mean^2/alpha, as in Stapper's yield model (1973); the share of
/// chips without a fault is (1 + mean/alpha)^-alpha. alpha = 0 stands for no such variation.
struct PoissonModel {
  double faults = 1;
  double alpha = 0;
};
FaultMap poisson_map(const std::vector<SiteKind>& kinds, const PoissonModel& model, uint64_t seed,
                     const SiteIndex& sites);

/// Spatially correlated faults: a Matern cluster process (Matern 1960), the Neyman-Scott process
/// (1958) with a uniform disc. Cluster centres: Poisson with mean `clusters`, each uniform over all
/// cells of the kinds' grids (site_index.h, SiteGrid). Faults of a cluster: Poisson with mean
/// `faults_per_cluster`, each at the cell nearest to a point uniform in the disc of `radius` cells
/// around the centre, at any of the cell's sites. Faults beyond the edge of the grid are lost, and
/// a site that is hit again stays as it is.
struct ClusterModel {
  double clusters = 1;
  double faults_per_cluster = 5;
  double radius = 2;  ///< cells, 0 or more
};
FaultMap clustered_map(const std::vector<SiteKind>& kinds, const ClusterModel& model, uint64_t seed,
                       const SiteIndex& sites);

/// `count` broken lines, every choice equally likely. A line is all sites of a part that differ
/// in the coordinates `along` only, all stuck at one value: along {"address"} of pe/weight is a
/// broken bit line (memory column), along {"lane", "bit"} a broken word (memory row).
FaultMap broken_lines(const std::vector<SiteKind>& kinds, const std::vector<std::string>& along,
                      int64_t count, uint64_t seed, const SiteIndex& sites);

/// Each fault of another map with probability `keep`: a chip of the same kind, less broken.
FaultMap thinned_map(const FaultMap& map, double keep, uint64_t seed);

}  // namespace stuckat
