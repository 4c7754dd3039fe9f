#include "faultmaps/generators.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>
#include <unordered_set>

#include "workloads/errors.h"

namespace stuckat {
namespace {

constexpr double most_faults = 1e8;  // what a chip's map may hold: a few gigabytes

void check_real(const char* what, double value, double low, double high) {
  if (!(value >= low && value <= high)) {
    throw InputError(what, std::to_string(value),
                     std::to_string(low) + " to " + std::to_string(high));
  }
}

/// Things of several spaces under one running index.
struct Universe {
  std::vector<const SiteSpace*> spaces;
  std::vector<int64_t> ends;  ///< running index after the last thing of each space

  int64_t size() const { return ends.empty() ? 0 : ends.back(); }
  void add(const SiteSpace& space, int64_t things) {
    if (things == 0 || space.values.empty()) return;
    spaces.push_back(&space);
    ends.push_back(size() + things);
  }
  struct Place {
    const SiteSpace* space;
    int64_t index;  ///< within the space
  };
  Place at(int64_t index) const {
    const auto end = std::upper_bound(ends.begin(), ends.end(), index);
    const auto i = static_cast<size_t>(end - ends.begin());
    return {spaces[i], index - (i == 0 ? 0 : ends[i - 1])};
  }
};

Universe sites_of(const std::vector<SiteKind>& kinds, const SiteIndex& sites) {
  Universe universe;
  const std::set<SiteKind> unique(kinds.begin(), kinds.end());
  for (const SiteKind kind : unique) {
    for (const SiteSpace& space : sites.of(kind)) universe.add(space, space.sites());
  }
  return universe;
}

/// `count` of the numbers 0 .. size-1, every choice equally likely (Floyd's algorithm), ascending.
std::vector<int64_t> choose(int64_t count, int64_t size, Draws& draws) {
  std::unordered_set<int64_t> chosen;
  for (int64_t last = size - count; last < size; ++last) {
    if (!chosen.insert(draws.below(last + 1)).second) chosen.insert(last);
  }
  std::vector<int64_t> result(chosen.begin(), chosen.end());
  std::sort(result.begin(), result.end());
  return result;
}

void add_sites(int64_t count, const Universe& universe, Draws& draws, FaultMap& map) {
  for (const int64_t index : choose(count, universe.size(), draws)) {
    const auto [space, site] = universe.at(index);
    map.faults.push_back(space->at(site));
    map.faults.back().value = draws.one_of(space->values);
  }
}

FaultMap valid(FaultMap map, const SiteIndex& sites) {
  validate(map, sites, "random map");
  return map;
}

}  // namespace

FaultMap random_map(const std::vector<SiteKind>& kinds, double rate, uint64_t seed,
                    const SiteIndex& sites) {
  check_real("fault rate", rate, 0, 1);
  Draws draws(seed);
  FaultMap map = sites.healthy();
  const Universe universe = sites_of(kinds, sites);
  const double expected = rate * static_cast<double>(universe.size());
  if (expected <= most_faults) {  // to four deviations
    map.faults.reserve(static_cast<size_t>(expected + 4 * std::sqrt(expected) + 1));
  }
  for (const SiteSpace* space : universe.spaces) {
    draws.for_hits(rate, space->sites(), [&](int64_t site) {
      map.faults.push_back(space->at(site));
      map.faults.back().value = draws.one_of(space->values);
    });
  }
  return valid(std::move(map), sites);
}

FaultMap random_map(const std::vector<SiteKind>& kinds, double rate, uint64_t seed,
                    const Placement& placement, const Network& network) {
  return random_map(kinds, rate, seed, SiteIndex(placement, network));
}

FaultMap exact_map(const std::vector<SiteKind>& kinds, int64_t count, uint64_t seed,
                   const SiteIndex& sites) {
  const Universe universe = sites_of(kinds, sites);
  if (count < 0 || count > universe.size()) {
    throw InputError("number of faults", std::to_string(count),
                     "0 to " + std::to_string(universe.size()) + ", the sites of these kinds");
  }
  Draws draws(seed);
  FaultMap map = sites.healthy();
  add_sites(count, universe, draws, map);
  return valid(std::move(map), sites);
}

FaultMap poisson_map(const std::vector<SiteKind>& kinds, const PoissonModel& model, uint64_t seed,
                     const SiteIndex& sites) {
  check_real("mean number of faults", model.faults, 0, most_faults);
  check_real("clustering parameter alpha", model.alpha, 0, 1e12);
  Draws draws(seed);
  double mean = model.faults;
  if (model.alpha > 0) mean *= draws.gamma(model.alpha) / model.alpha;
  FaultMap map = sites.healthy();
  const Universe universe = sites_of(kinds, sites);
  add_sites(std::min(draws.poisson(std::min(mean, most_faults)), universe.size()), universe, draws,
            map);
  return valid(std::move(map), sites);
}

FaultMap clustered_map(const std::vector<SiteKind>& kinds, const ClusterModel& model, uint64_t seed,
                       const SiteIndex& sites) {
  check_real("number of clusters", model.clusters, 0, most_faults);
  check_real("faults of a cluster", model.faults_per_cluster, 0, most_faults);
  check_real("clusters times faults of a cluster", model.clusters * model.faults_per_cluster, 0,
             most_faults);
  check_real("cluster radius", model.radius, 0, 1e6);
  Draws draws(seed);
  const Universe universe = sites_of(kinds, sites);
  std::set<std::pair<const SiteSpace*, int64_t>> broken;
  FaultMap map = sites.healthy();
  const int64_t clusters = universe.size() > 0 ? draws.poisson(model.clusters) : 0;
  for (int64_t cluster = 0; cluster < clusters; ++cluster) {
    // A uniform site lies in a uniform cell where all cells have equally many sites.
    const auto [space, centre] = universe.at(draws.below(universe.size()));
    const SiteGrid grid = grid_of(*space);
    const int64_t cell = centre / grid.depth;
    const int64_t plane = cell / (grid.rows * grid.columns);
    const int64_t centre_row = cell / grid.columns % grid.rows;
    const int64_t centre_column = cell % grid.columns;
    const int64_t faults = draws.poisson(model.faults_per_cluster);
    for (int64_t i = 0; i < faults; ++i) {
      // Polar, so that every fault takes the same number of draws.
      const double distance = model.radius * std::sqrt(draws.uniform());
      const double angle = 2 * std::numbers::pi * draws.uniform();
      const int64_t row = centre_row + std::llround(distance * std::sin(angle));
      const int64_t column = centre_column + std::llround(distance * std::cos(angle));
      const int64_t inside = draws.below(grid.depth);
      const int value = draws.one_of(space->values);
      if (row < 0 || row >= grid.rows || column < 0 || column >= grid.columns) continue;
      const int64_t site =
          ((plane * grid.rows + row) * grid.columns + column) * grid.depth + inside;
      if (!broken.emplace(space, site).second) continue;
      map.faults.push_back(space->at(site));
      map.faults.back().value = value;
    }
  }
  return valid(std::move(map), sites);
}

FaultMap broken_lines(const std::vector<SiteKind>& kinds, const std::vector<std::string>& along,
                      int64_t count, uint64_t seed, const SiteIndex& sites) {
  // Lines are numbered by the coordinates that stay, in their order.
  const auto stays = [&](const SiteCoordinate& c) {
    return std::find(along.begin(), along.end(), c.name) == along.end();
  };
  Universe lines;
  const std::set<SiteKind> unique(kinds.begin(), kinds.end());
  for (const SiteKind kind : unique) {
    const SiteRow& row = site_row(kind);
    for (const std::string& name : along) {
      std::vector<std::string> known;
      for (const auto& c : row.coordinates) known.emplace_back(c.name);
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        throw_unknown_name("lines of " + std::string(row.name), "coordinate", name, known);
      }
    }
    for (const SiteSpace& space : sites.of(kind)) {
      if (space.sites() == 0) continue;
      int64_t here = 1;
      for (size_t i = 0; i < row.coordinates.size(); ++i) {
        if (stays(row.coordinates[i])) here *= space.counts[i];
      }
      lines.add(space, here);
    }
  }
  if (count < 0 || count > lines.size()) {
    throw InputError("number of broken lines", std::to_string(count),
                     "0 to " + std::to_string(lines.size()));
  }
  Draws draws(seed);
  FaultMap map = sites.healthy();
  for (const int64_t index : choose(count, lines.size(), draws)) {
    const auto [space, line] = lines.at(index);
    const int value = draws.one_of(space->values);
    const auto& coordinates = space->row->coordinates;
    int64_t length = 1;
    for (size_t i = 0; i < coordinates.size(); ++i) {
      if (!stays(coordinates[i])) length *= space->counts[i];
    }
    for (int64_t n = 0; n < length; ++n) {
      Fault fault{space->row->kind, space->part, {}, value};
      int64_t rest_of_line = line;
      int64_t rest = n;
      for (size_t i = coordinates.size(); i-- > 0;) {
        int64_t& number = stays(coordinates[i]) ? rest_of_line : rest;
        fault.coordinates[i] = static_cast<int>(number % space->counts[i]);
        number /= space->counts[i];
      }
      map.faults.push_back(std::move(fault));
    }
  }
  return valid(std::move(map), sites);
}

FaultMap thinned_map(const FaultMap& map, double keep, uint64_t seed) {
  check_real("share of faults to keep", keep, 0, 1);
  Draws draws(seed);
  FaultMap result{map.accelerator, {}, map.accelerator_hash};
  for (const Fault& fault : map.faults) {
    if (draws.uniform() <= keep) result.faults.push_back(fault);
  }
  return result;
}

}  // namespace stuckat
