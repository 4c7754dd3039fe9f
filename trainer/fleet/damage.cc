#include "trainer/fleet/damage.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "faultmaps/lower.h"
#include "trainer/random.h"

namespace stuckat::trainer {
namespace {

/// What a fault there does is the same whatever the parameters are. All others are asked again.
bool ignores_parameters(const Fault& fault) {
  const SiteRow& row = site_row(fault.kind);
  return row.is(any_parameters) || row.is(prunes);
}

/// The network with no weight at 0: lower() says nothing of weights that are pruned and are at 0
/// now, but training may move them.
Network without_zeros(Network network) {
  for (Layer& layer : network.layers) {
    const auto other = static_cast<int8_t>(layer.weight_format.max_level());
    std::replace(layer.weights.begin(), layer.weights.end(), int8_t{0}, other);
  }
  return network;
}

bool is_pruned(const ParameterPatch& patch) { return !patch.is_threshold && patch.value == 0; }

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
      !std::all_of(map.faults.begin(), map.faults.end(), ignores_parameters);
  const bool once = !damage.depends_on_parameters;
  damage.effects = [map, placement, order, once](const Network& trained, double share) {
    const Network network = once ? without_zeros(trained) : trained;
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
         std::all_of(effects.patches.begin(), effects.patches.end(), is_pruned);
}

Network pruned(Network network, const Effects& effects) {
  for (const ParameterPatch& patch : effects.patches) {
    if (!is_pruned(patch)) continue;
    Layer& layer = network.layers[static_cast<size_t>(patch.layer)];
    layer.weights[static_cast<size_t>(patch.row) * static_cast<size_t>(layer.columns()) +
                  static_cast<size_t>(patch.index)] = 0;
  }
  return network;
}

}  // namespace stuckat::trainer
