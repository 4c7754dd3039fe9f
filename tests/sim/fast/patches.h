// Effects of many broken words of parameter memories at once.
#pragma once

#include "faultmaps/effects.h"
#include "faultmaps/normal_form.h"
#include "tests/support/random_network.h"

namespace stuckat::test {

/// Patches of `count` parameters anywhere, values that no quantizer emits among them.
inline Effects random_patches(Random& random, const Network& network, int count) {
  Effects effects;
  while (static_cast<int>(effects.patches.size()) < count) {
    ParameterPatch patch;
    patch.layer = uniform(random, 0, static_cast<int>(network.layers.size()) - 1);
    const Layer& layer = network.layers[static_cast<size_t>(patch.layer)];
    if (!layer.has_weights()) continue;
    patch.row = uniform(random, 0, layer.rows() - 1);
    patch.is_threshold = layer.thresholds_per_row() > 0 && uniform(random, 0, 5) == 0;
    if (patch.is_threshold) {
      patch.index = uniform(random, 0, layer.thresholds_per_row() - 1);
      patch.value = uniform(random, layer.accumulator_min() - 1, layer.accumulator_max());
    } else {
      const NumberFormat& format = layer.weight_format;
      patch.index = uniform(random, 0, layer.columns() - 1);
      patch.value = format.value(static_cast<uint32_t>(uniform(random, 0, (1 << format.bits) - 1)));
    }
    effects.patches.push_back(patch);
  }
  normalize(effects);
  return effects;
}

}  // namespace stuckat::test
