// Random effects of every form, for property tests.
#pragma once

#include <algorithm>
#include <vector>

#include "faultmaps/effects.h"
#include "tests/support/random_network.h"

namespace stuckat::test {

/// Ascending, unique, possibly empty (which selects all).
inline std::vector<int> random_subset(Random& random, int end) {
  std::vector<int> result;
  if (uniform(random, 0, 2) == 0) return result;
  const int count = std::min(end, uniform(random, 1, 3));
  for (int i = 0; i < count; ++i) result.push_back(uniform(random, 0, end - 1));
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

inline CodeMask random_mask(Random& random, int bits) {
  switch (uniform(random, 0, 3)) {
    case 0:
      return CodeMask::stuck_bit(uniform(random, 0, bits - 1), uniform(random, 0, 1) == 1);
    case 1: {
      CodeMask flip;
      flip.flip = 1u << uniform(random, 0, bits - 1);
      return flip;
    }
    default:
      return CodeMask::constant(static_cast<uint32_t>(uniform(random, 0, (1 << bits) - 1)));
  }
}

inline RunImages random_range(Random& random) {
  RunImages images;
  if (uniform(random, 0, 3) == 0) images.first = uniform(random, 0, 2);
  if (uniform(random, 0, 3) == 0) images.last = images.first + uniform(random, 0, 2);
  return images;
}

inline ElementFault random_element(Random& random, const Network& network) {
  ElementFault fault;
  fault.tensor = uniform(random, 0, network.tensors() - 1);
  const Shape shape = network.shape(fault.tensor);
  fault.channels = random_subset(random, shape.channels);
  fault.pixels = random_subset(random, shape.pixels());
  if (uniform(random, 0, 3) == 0) {
    fault.slot.depth = uniform(random, 1, 9);
    fault.slot.slot = uniform(random, 0, fault.slot.depth - 1);
    fault.slot.channels_per_word = uniform(random, 1, shape.channels);
    fault.slot.words_per_pixel =
        (shape.channels + fault.slot.channels_per_word - 1) / fault.slot.channels_per_word +
        uniform(random, 0, 1);
    if (uniform(random, 0, 2) == 0) {
      fault.slot.packed = true;
      fault.slot.words_per_pixel =
          (shape.size() + fault.slot.channels_per_word - 1) / fault.slot.channels_per_word;
    }
  }
  const bool last = network.holds_accumulators(fault.tensor);
  fault.mask = random_mask(random, last ? 12 : network.format(fault.tensor).bits);
  fault.stage = uniform(random, 0, 6);
  fault.images = random_range(random);
  return fault;
}

inline int random_matrix_layer(Random& random, const Network& network) {
  while (true) {
    const int layer = uniform(random, 0, static_cast<int>(network.layers.size()) - 1);
    if (network.layers[static_cast<size_t>(layer)].has_weights()) return layer;
  }
}

inline ParameterPatch random_patch(Random& random, const Network& network) {
  ParameterPatch patch;
  patch.layer = random_matrix_layer(random, network);
  const Layer& layer = network.layers[static_cast<size_t>(patch.layer)];
  patch.row = uniform(random, 0, layer.rows() - 1);
  patch.is_threshold = layer.thresholds_per_row() > 0 && uniform(random, 0, 1) == 0;
  if (patch.is_threshold) {
    patch.index = uniform(random, 0, layer.thresholds_per_row() - 1);
    patch.value = uniform(random, 2 * layer.accumulator_min() - 2, 2 * layer.accumulator_max());
  } else {
    const NumberFormat format = layer.weight_format;
    patch.index = uniform(random, 0, layer.columns() - 1);
    patch.value = format.value(static_cast<uint32_t>(uniform(random, 0, (1 << format.bits) - 1)));
  }
  return patch;
}

inline OperatorFault random_operator(Random& random, const Network& network) {
  OperatorFault fault;
  fault.layer = random_matrix_layer(random, network);
  const Layer& layer = network.layers[static_cast<size_t>(fault.layer)];
  fault.rows = random_subset(random, layer.rows());
  if (fault.rows.empty()) fault.rows = {uniform(random, 0, layer.rows() - 1)};
  fault.pixels = random_subset(random, layer.output.pixels());
  BrokenPe& pe = fault.pe;
  pe.simd = uniform(random, 1, 6);
  pe.padded_columns = (layer.columns() + pe.simd - 1) / pe.simd * pe.simd;
  pe.accumulator_bits = layer.accumulator_bits() + uniform(random, 0, 2);
  fault.images = random_range(random);
  if (uniform(random, 0, 3) == 0) {
    pe.weight_flips = {{fault.rows.front(), uniform(random, 0, pe.padded_columns - 1),
                        1u << uniform(random, 0, layer.weight_format.bits - 1)}};
  }
  if (uniform(random, 0, 3) == 0) {
    pe.accumulator_flips = {{uniform(random, 1, pe.padded_columns / pe.simd),
                             1u << uniform(random, 0, pe.accumulator_bits - 1)}};
  }
  switch (uniform(random, 0, 3)) {
    case 0:
      pe.accumulator = random_mask(random, pe.accumulator_bits);
      break;
    case 1:
      pe.inputs = {{uniform(random, 0, pe.simd - 1), random_mask(random, layer.input_format.bits)}};
      break;
    case 2:
      pe.products = {{uniform(random, 0, pe.simd - 1), random_mask(random, layer.product_bits())}};
      break;
    default:
      if (layer.thresholds_per_row() > 0) {
        pe.comparators = {
            {uniform(random, 0, layer.thresholds_per_row() - 1), uniform(random, 0, 1) == 1}};
      }
  }
  return fault;
}

inline void add_random_operand(Random& random, const Network& network, Effects& effects) {
  OperandFault fault;
  fault.layer = random_matrix_layer(random, network);
  const Layer& layer = network.layers[static_cast<size_t>(fault.layer)];
  if (layer.kind != LayerKind::convolution) return;
  fault.channels = random_subset(random, layer.input.channels);
  const int width = layer.input.width + 2 * layer.padding;
  const int pixels = width * (layer.input.height + 2 * layer.padding);
  fault.pixels = random_subset(random, pixels);
  if (fault.pixels.empty()) fault.pixels = {uniform(random, 0, std::min(width, pixels) - 1)};
  fault.mask = random_mask(random, layer.input_format.bits);
  effects.operands.push_back(fault);
}

inline void add_random_pool(Random& random, const Network& network, Effects& effects) {
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (layer.has_weights()) continue;
    PoolFault fault;
    fault.layer = static_cast<int>(i);
    fault.channels = random_subset(random, layer.output.channels);
    fault.pixels = random_subset(random, layer.output.pixels());
    if (uniform(random, 0, 2) != 0) fault.pool.cell = random_mask(random, layer.input_format.bits);
    fault.pool.comparator = static_cast<BrokenPool::Comparator>(uniform(random, 0, 2));
    effects.pools.push_back(fault);
  }
}

/// One to three faults of any form; a third of them one stuck channel, as campaigns have them.
inline Effects random_effects(Random& random, const Network& network) {
  if (uniform(random, 0, 2) == 0) {
    const std::vector<int> layers = network.injectable_layers();
    const int layer =
        layers[static_cast<size_t>(uniform(random, 0, static_cast<int>(layers.size()) - 1))];
    const int tensor =
        uniform(random, 0, 1) == 0 ? layer + 1 : network.after_pools(network.output_tensor(layer));
    const NumberFormat format = network.format(tensor);
    return stuck_channel(
        network, tensor - 1, uniform(random, 0, network.shape(tensor).channels - 1),
        format.value(static_cast<uint32_t>(uniform(random, 0, (1 << format.bits) - 1))));
  }
  Effects effects;
  const int count = uniform(random, 1, 3);
  for (int i = 0; i < count; ++i) {
    switch (uniform(random, 0, 5)) {
      case 0:
        effects.patches.push_back(random_patch(random, network));
        break;
      case 1:
        effects.operators.push_back(random_operator(random, network));
        break;
      case 2:
        add_random_operand(random, network, effects);
        break;
      case 3:
        add_random_pool(random, network, effects);
        break;
      default:
        effects.elements.push_back(random_element(random, network));
    }
  }
  return effects;
}

}  // namespace stuckat::test
