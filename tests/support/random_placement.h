// Random placements of a network: a dataflow-like one (an array for each layer, a stream after
// each) and a loopback-like one (one array for all layers).
#pragma once

#include <string>
#include <vector>

#include "faultmaps/effects.h"
#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "tests/support/random_network.h"

namespace stuckat::test {

inline int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

inline ArrayUse use_of(const Network& network, int layer, int pe, int simd, int spare_bits) {
  const Layer& l = network.layers[static_cast<size_t>(layer)];
  return {layer, round_up(l.rows(), pe), round_up(l.columns(), simd),
          l.accumulator_bits() + spare_bits, l.threshold_bits() + spare_bits};
}

inline Placement random_dataflow_placement(Random& random, const Network& network) {
  Placement placement;
  placement.accelerator = "dataflow:random";
  for (int t = 0; t < network.tensors(); ++t) {
    const int channels = network.shape(t).channels;
    const int per_word = uniform(random, 1, channels);
    const std::string name = t == 0 ? "input" : network.tensor_name(t) + "/out";
    placement.streams.push_back(
        {name, t, uniform(random, 1, 7), per_word, (channels + per_word - 1) / per_word});
    placement.streams.back().layer = network.only_consumer(t);
    if (t == 0) continue;
    const Layer& layer = network.layers[static_cast<size_t>(t) - 1];
    int per_cell = uniform(random, 1, layer.input.channels);
    while (layer.input.channels % per_cell != 0) --per_cell;
    if (layer.kind == LayerKind::convolution) {
      placement.windows.push_back(
          {layer.name + "/sliding_window", t - 1, layer.kernel + uniform(random, 0, 2), per_cell});
    }
    if (layer.kind == LayerKind::max_pool && layer.kernel == layer.stride) {
      placement.pools.push_back({layer.name + "/pool", t - 1, per_cell, layer.output.width,
                                 layer.input.channels / per_cell});
    }
    if (!network.layers[static_cast<size_t>(t) - 1].has_weights()) continue;
    const int pe = uniform(random, 1, 5);
    const int simd = uniform(random, 1, 6);
    placement.arrays.push_back({network.layers[static_cast<size_t>(t) - 1].name + "/mvtu",
                                pe,
                                simd,
                                Schedule::channel_parallel,
                                {use_of(network, t - 1, pe, simd, uniform(random, 0, 2))}});
  }
  return placement;
}

inline Placement random_loopback_placement(Random& random, const Network& network) {
  Placement placement;
  placement.accelerator = "loopback:random";
  const auto schedule =
      uniform(random, 0, 1) == 0 ? Schedule::channel_parallel : Schedule::pixel_parallel;
  PeArray array{"array", uniform(random, 1, 6), uniform(random, 1, 8), schedule, {}};
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (!network.layers[i].has_weights()) continue;
    array.uses.push_back(use_of(network, static_cast<int>(i), array.pe, array.simd, 0));
  }
  int bits = 0;
  int threshold_bits = 0;
  for (const auto& use : array.uses) {
    bits = std::max(bits, use.accumulator_bits);
    threshold_bits = std::max(threshold_bits, use.threshold_bits);
  }
  for (auto& use : array.uses) {
    use.accumulator_bits = bits;
    use.threshold_bits = threshold_bits;
  }
  placement.arrays.push_back(array);
  ActivationMemory memory{"activations", 2, 400, {}};
  for (int t = 0; t < network.tensors(); ++t) {
    if (t > 0 && !network.layers[static_cast<size_t>(t) - 1].has_weights()) continue;
    memory.tensors.push_back(
        {t, network.after_pools(t), static_cast<int>(memory.tensors.size() % 2)});
  }
  placement.memories.push_back(memory);
  return placement;
}

/// Up to `most` faults of any kind that exist, none of them stuck both ways.
inline FaultMap random_faults(Random& random, const Placement& placement, const Network& network,
                              int most) {
  FaultMap map{placement.accelerator, {}};
  const int wanted = uniform(random, 1, most);
  for (int tries = 0; tries < 200 * wanted && static_cast<int>(map.faults.size()) < wanted;
       ++tries) {
    const auto& rows = site_table();
    const SiteKind kind =
        rows[static_cast<size_t>(uniform(random, 0, static_cast<int>(rows.size()) - 1))].kind;
    const int64_t count = count_faults(kind, placement, network);
    if (count == 0) continue;
    const Fault fault = fault_at(kind, std::uniform_int_distribution<int64_t>(0, count - 1)(random),
                                 placement, network);
    bool taken = false;
    for (const Fault& other : map.faults) {
      taken = taken || (other.kind == fault.kind && other.part == fault.part &&
                        other.coordinates == fault.coordinates);
    }
    if (!taken) map.faults.push_back(fault);
  }
  validate(map, placement, network, "random faults");
  return map;
}

}  // namespace stuckat::test
