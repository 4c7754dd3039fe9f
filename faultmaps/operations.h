// Fault maps as sets: union (fusion), intersection, difference, distance, statistics.
// A map is a set of faults, and at the same time gives each site a state: healthy, or stuck at one
// value. Two maps contradict each other at a site that they stick at different values.
// All functions want valid maps, give valid maps, and throw InputError(where, ...) for maps of
// different accelerators, or of different contents of one name; a map that does not know the one or
// the other goes with every other.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/site_index.h"

namespace stuckat {

/// The same site, whatever it is stuck at; of flips, in the same cycle.
bool same_site(const Fault& a, const Fault& b);

/// Sites that the maps stick at different values, with the fault of each, in canonical order.
std::vector<std::pair<Fault, Fault>> contradictions(const FaultMap& first, const FaultMap& second);

/// What a union does with a contradiction.
enum class Contradiction : uint8_t {
  refuse,      ///< InputError that names both faults and says how many more there are
  first_wins,  ///< the fault of the earlier map stays
  last_wins,   ///< the fault of the later map stays
  drop         ///< the site is healthy, until a later map breaks it again
};
/// "refuse", "first", "last", "drop". Throws InputError(where, ...) with the nearest name.
Contradiction parse_contradiction(std::string_view name, std::string_view where);

FaultMap unite(const FaultMap& first, const FaultMap& second, Contradiction rule,
               const std::string& where);
/// The union of the first two, united with the third, and so on; n log n in the number of faults.
FaultMap unite(const std::vector<FaultMap>& maps, Contradiction rule, const std::string& where);
/// Faults (site and value) of both maps.
FaultMap intersect(const FaultMap& first, const FaultMap& second, const std::string& where);
/// Faults (site and value) of the first map that the second has not.
FaultMap subtract(const FaultMap& first, const FaultMap& second, const std::string& where);

struct MapDistance {
  int64_t common = 0;         ///< faults of both maps, the value included
  int64_t only_first = 0;     ///< sites broken in the first map only
  int64_t only_second = 0;    ///< sites broken in the second map only
  int64_t contradicting = 0;  ///< sites broken in both, at different values

  /// Sites whose state differs.
  int64_t hamming() const { return only_first + only_second + contradicting; }
  /// 1 - |A and B| / |A or B| of the sets of faults, a contradicting site counting as two faults;
  /// 0 for two empty maps.
  double jaccard() const;
};
MapDistance distance(const FaultMap& first, const FaultMap& second, const std::string& where);

/// Broken sites of one kind at one part.
struct SiteCount {
  SiteKind kind = SiteKind::pe_dead;
  std::string part;
  int64_t sites = 0;
  int64_t broken = 0;
  double rate() const {
    return sites == 0 ? 0 : static_cast<double>(broken) / static_cast<double>(sites);
  }
};
/// One row for each kind and part that has sites, in the order of SiteIndex::spaces().
std::vector<SiteCount> count_sites(const FaultMap& map, const SiteIndex& sites);

/// Faults per chip over a lot.
struct LotStatistics {
  int64_t chips = 0;
  int64_t faultless = 0;  ///< chips without a fault
  int64_t least = 0;
  int64_t most = 0;
  double mean = 0;
  double variance = 0;  ///< of the population; equal to the mean for a Poisson lot
};
LotStatistics lot_statistics(const std::vector<FaultMap>& chips);

}  // namespace stuckat
