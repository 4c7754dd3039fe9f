// Random effects of every form, for property tests, and the list of the forms.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/normal_form.h"
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

inline bool one_in(Random& random, int n) { return uniform(random, 0, n - 1) == 0; }

/// Of a stream that carries images of `shape`, or of the windows of a layer as {pixels, 1,
/// columns}.
inline SlotPattern random_slot(Random& random, Shape shape) {
  SlotPattern slot;
  slot.depth = uniform(random, 1, 9);
  slot.slot = uniform(random, 0, slot.depth - 1);
  slot.channels_per_word = uniform(random, 1, shape.channels);
  const int words = (shape.channels + slot.channels_per_word - 1) / slot.channels_per_word;
  slot.words_per_pixel = words + uniform(random, 0, 1);
  return slot;
}

inline ElementFault random_element(Random& random, const Network& network) {
  ElementFault fault;
  fault.tensor = uniform(random, 0, network.tensors() - 1);
  const Shape shape = network.shape(fault.tensor);
  fault.channels = random_subset(random, shape.channels);
  fault.pixels = random_subset(random, shape.pixels());
  if (one_in(random, 4)) {
    fault.slot = random_slot(random, shape);
    if (one_in(random, 3)) {
      fault.slot.packed = true;
      fault.slot.words_per_pixel =
          (shape.size() + fault.slot.channels_per_word - 1) / fault.slot.channels_per_word;
    }
  }
  const bool last = network.holds_accumulators(fault.tensor);
  fault.mask = random_mask(random, last ? 12 : network.format(fault.tensor).bits);
  fault.point = uniform(random, 0, 6);
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
  patch.is_threshold = layer.thresholds_per_row() > 0 && one_in(random, 2);
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

/// How the layers are folded: all faults of one Effects are in the same hardware.
struct RandomFolding {
  int simd = 1;
  int padded_columns = 0;
  int accumulator_bits = 32;
};

inline std::vector<RandomFolding> random_foldings(Random& random, const Network& network) {
  std::vector<RandomFolding> foldings;
  for (const Layer& layer : network.layers) {
    RandomFolding folding;
    if (layer.has_weights()) {
      folding.simd = uniform(random, 1, 6);
      folding.padded_columns = (layer.columns() + folding.simd - 1) / folding.simd * folding.simd;
      folding.accumulator_bits = layer.accumulator_bits() + uniform(random, 0, 2);
    }
    foldings.push_back(folding);
  }
  return foldings;
}

inline void add_flips(Random& random, const Layer& layer, OperatorFault& fault) {
  BrokenPe& pe = fault.pe;
  const int steps = pe.padded_columns / pe.simd;
  const auto bit_of = [&](int bits) { return 1u << uniform(random, 0, bits - 1); };
  const auto lane = [&](int bits) {
    return BrokenPe::LaneFlip{uniform(random, 0, steps - 1), uniform(random, 0, pe.simd - 1),
                              bit_of(bits)};
  };
  switch (uniform(random, 0, 4)) {
    case 0:
      pe.weight_flips = {{fault.rows.front(), uniform(random, 0, pe.padded_columns - 1),
                          bit_of(layer.weight_format.bits)}};
      break;
    case 1:
      pe.accumulator_flips = {{uniform(random, 1, steps), bit_of(pe.accumulator_bits)}};
      break;
    case 2:
      pe.input_flips = {lane(layer.input_format.bits)};
      break;
    case 3:
      pe.product_flips = {lane(layer.product_bits())};
      break;
    default:
      if (layer.thresholds_per_row() == 0) return;
      if (one_in(random, 2)) {
        pe.comparator_flips = {uniform(random, 0, layer.thresholds_per_row() - 1)};
      } else {
        pe.threshold_flips = {{fault.rows.front(),
                               uniform(random, 0, layer.thresholds_per_row() - 1),
                               bit_of(layer.threshold_bits() - 1)}};
      }
  }
}

inline OperatorFault random_operator(Random& random, const Network& network,
                                     const std::vector<RandomFolding>& foldings) {
  OperatorFault fault;
  fault.layer = random_matrix_layer(random, network);
  const Layer& layer = network.layers[static_cast<size_t>(fault.layer)];
  const RandomFolding& folding = foldings[static_cast<size_t>(fault.layer)];
  fault.rows = random_subset(random, layer.rows());
  if (fault.rows.empty()) fault.rows = {uniform(random, 0, layer.rows() - 1)};
  fault.pixels = random_subset(random, layer.output.pixels());
  BrokenPe& pe = fault.pe;
  pe.simd = folding.simd;
  pe.padded_columns = folding.padded_columns;
  pe.accumulator_bits = folding.accumulator_bits;
  fault.images = random_range(random);
  if (one_in(random, 2)) add_flips(random, layer, fault);
  if (pe.padded_columns > layer.columns() && one_in(random, 2)) {
    const uint32_t code =
        static_cast<uint32_t>(uniform(random, 0, 255)) & ((1u << layer.weight_format.bits) - 1);
    pe.padded_weights = {{fault.rows.front(),
                          uniform(random, layer.columns(), pe.padded_columns - 1),
                          layer.weight_format.value(code)}};
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
        pe.comparators = {{uniform(random, 0, layer.thresholds_per_row() - 1), one_in(random, 2)}};
      }
  }
  return fault;
}

inline void add_random_operand(Random& random, const Network& network, Effects& effects) {
  OperandFault fault;
  const auto& layers = network.layers;
  const bool known = std::any_of(layers.begin(), layers.end(), [](const Layer& l) {
    return l.part() == HardwarePart::none;  // in a chain of pools none has operands of its own
  });
  fault.layer = known && one_in(random, 2) ? uniform(random, 0, static_cast<int>(layers.size()) - 1)
                                           : random_matrix_layer(random, network);
  const Layer& layer = network.layers[static_cast<size_t>(fault.layer)];
  if (layer.is_flat()) return;
  fault.input = uniform(random, 0, static_cast<int>(layer.inputs.size()) - 1);
  const int tensor = layer.inputs[static_cast<size_t>(fault.input)];
  const Shape input = network.shape(tensor);
  fault.channels = random_subset(random, input.channels);
  const Padding& padding = layer.padding;
  const int width = input.width + padding.left + padding.right;
  const int pixels = width * (input.height + padding.top + padding.bottom);
  fault.pixels = random_subset(random, pixels);
  if (fault.pixels.empty()) fault.pixels = {uniform(random, 0, std::min(width, pixels) - 1)};
  if (one_in(random, 2)) {
    fault.pixels.clear();
    fault.slot = random_slot(random, {pixels / width, width, input.channels});
    if (padding.top > 0 && padding == Padding(padding.top) && one_in(random, 2)) {
      fault.slot.frame = padding.top;
    }
  }
  fault.mask = random_mask(random, network.format(tensor).bits);
  fault.point = uniform(random, 0, 6);
  fault.images = random_range(random);
  effects.operands.push_back(fault);
}

inline WindowFault random_window(Random& random, const Network& network,
                                 const std::vector<RandomFolding>& foldings) {
  WindowFault fault;
  fault.layer = random_matrix_layer(random, network);
  const Layer& layer = network.layers[static_cast<size_t>(fault.layer)];
  const RandomFolding& folding = foldings[static_cast<size_t>(fault.layer)];
  fault.padded_columns = folding.padded_columns;
  fault.accumulator_bits = folding.accumulator_bits;
  fault.rows = random_subset(random, layer.rows());
  fault.columns = random_subset(random, folding.padded_columns);
  fault.pixels = random_subset(random, layer.output.pixels());
  if (one_in(random, 2)) {
    fault.slot.depth = uniform(random, 1, 9);
    fault.slot.slot = uniform(random, 0, fault.slot.depth - 1);
    fault.slot.channels_per_word = folding.simd;
    fault.slot.words_per_pixel = folding.padded_columns / folding.simd;
  }
  fault.mask = random_mask(random, layer.input_format.bits);
  fault.point = uniform(random, 0, 6);
  fault.images = random_range(random);
  return fault;
}

inline void add_random_pool(Random& random, const Network& network, Effects& effects) {
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (!is_pooled(layer)) continue;
    const bool sums = layer.kind->sums;
    PoolFault fault;
    fault.layer = static_cast<int>(i);
    fault.channels = random_subset(random, layer.output.channels);
    fault.pixels = random_subset(random, layer.output.pixels());
    if (sums) fault.pool.sum_bits = layer.accumulator_bits();
    const int bits_held = sums ? fault.pool.sum_bits : layer.input_format.bits;
    if (!one_in(random, 3)) fault.pool.cell = random_mask(random, bits_held);
    if (!sums) fault.pool.comparator = static_cast<BrokenPool::Comparator>(uniform(random, 0, 2));
    if (one_in(random, 2)) {
      const int taken = uniform(random, 1, layer.kernel.height * layer.kernel.width);
      const uint32_t bits =
          !sums && one_in(random, 2) ? 0u : 1u << uniform(random, 0, bits_held - 1);
      fault.pool.flips = {{taken, bits}};
    }
    fault.images = random_range(random);
    effects.pools.push_back(fault);
  }
}

/// One to three faults of any form; a third of them one stuck channel, as campaigns have them.
inline Effects random_effects(Random& random, const Network& network) {
  if (one_in(random, 3)) {
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
  const std::vector<RandomFolding> foldings = random_foldings(random, network);
  Effects effects;
  const int count = uniform(random, 1, 3);
  for (int i = 0; i < count; ++i) {
    switch (uniform(random, 0, 6)) {
      case 0:
        effects.patches.push_back(random_patch(random, network));
        break;
      case 1:
        effects.operators.push_back(random_operator(random, network, foldings));
        break;
      case 2:
        add_random_operand(random, network, effects);
        break;
      case 3:
        add_random_pool(random, network, effects);
        break;
      case 4:
        effects.windows.push_back(random_window(random, network, foldings));
        break;
      default:
        effects.elements.push_back(random_element(random, network));
    }
  }
  normalize(effects);
  return effects;
}

}  // namespace stuckat::test
