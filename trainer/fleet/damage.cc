#include "trainer/fleet/damage.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "faultmaps/lower.h"
#include "trainer/random.h"

namespace stuckat::trainer {
namespace {

/// What a fault there does is the same whatever the parameters are. All others are asked again.
bool ignores_parameters(SiteKind kind) {
  return kind == SiteKind::pe_dead || kind == SiteKind::pe_output ||
         std::string_view(site_row(kind).name).ends_with("/bypass");
}

bool prunes(const ParameterPatch& patch) { return !patch.is_threshold && patch.value == 0; }

}  // namespace

Damage damage_of(const FaultMap& map, const Placement& placement, uint64_t seed) {
  std::vector<size_t> order(map.faults.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const Sequence random(seed, Purpose::chip);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::make_pair(random.draw(a), a) < std::make_pair(random.draw(b), b);
  });
  Damage damage;
  damage.depends_on_parameters =
      !std::all_of(map.faults.begin(), map.faults.end(),
                   [](const Fault& fault) { return ignores_parameters(fault.kind); });
  damage.effects = [map, placement, order](const Network& network, double share) {
    if (share >= 1) return lower(map, placement, network);
    const auto count = static_cast<size_t>(std::ceil(share * static_cast<double>(order.size())));
    FaultMap part = map;
    part.faults.clear();
    for (size_t i = 0; i < count; ++i) part.faults.push_back(map.faults[order[i]]);
    std::sort(part.faults.begin(), part.faults.end());
    return lower(part, placement, network);
  };
  return damage;
}

bool only_prunes(const Effects& effects) {
  return effects.size() == effects.patches.size() &&
         std::all_of(effects.patches.begin(), effects.patches.end(), prunes);
}

Network pruned(Network network, const Effects& effects) {
  for (const ParameterPatch& patch : effects.patches) {
    if (!prunes(patch)) continue;
    Layer& layer = network.layers[static_cast<size_t>(patch.layer)];
    layer.weights[static_cast<size_t>(patch.row) * static_cast<size_t>(layer.columns()) +
                  static_cast<size_t>(patch.index)] = 0;
  }
  return network;
}

}  // namespace stuckat::trainer
