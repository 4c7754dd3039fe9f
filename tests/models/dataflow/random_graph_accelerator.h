// Random foldings, FIFO depths, word widths, latencies and disciplines for a network that is a
// graph.
#pragma once

#include "tests/models/dataflow/random_accelerator.h"
#include "tests/support/random_graph.h"

namespace stuckat::test {

/// A divisor of the rows of a group, or the rows of several groups.
inline void draw_groups(Random& random, const Layer& layer, dataflow::LayerParams& p) {
  const int rows = layer.rows() / layer.groups;
  const int pixels = layer.kernel.height * layer.kernel.width;
  const bool several = uniform(random, 0, 1) == 0;
  p.pe = several ? rows * drawn_divisor(random, layer.groups) : drawn_divisor(random, rows);
  p.simd = several ? layer.group_channels() * drawn_divisor(random, pixels)
                   : drawn_divisor(random, layer.columns());
}

/// Branches may be too short.
inline dataflow::DataflowAccelerator random_graph_dataflow(Random& random, const Network& network) {
  dataflow::DataflowAccelerator accelerator;
  accelerator.name = "random";
  accelerator.discipline =
      uniform(random, 0, 1) == 0 ? dataflow::Discipline::flushing : dataflow::Discipline::stalling;
  accelerator.latency = {uniform(random, 1, 9), uniform(random, 1, 3), uniform(random, 1, 3),
                         uniform(random, 1, 3), uniform(random, 1, 3), uniform(random, 1, 9),
                         uniform(random, 1, 3)};
  accelerator.memory_word_bits = 8 << uniform(random, 0, 5);
  accelerator.input_depth = uniform(random, 1, 6);
  for (const Layer& layer : network.layers) {
    dataflow::LayerParams p;
    p.out_depth = uniform(random, 1, 20);
    p.inner_depth = uniform(random, 1, 3);
    for (size_t k = 0; k < layer.inputs.size(); ++k) {
      if (uniform(random, 0, 2) > 0) p.in_depths.resize(k + 1, uniform(random, 1, 60));
    }
    p.word_bits = uniform(random, 0, 1) * uniform(random, 1, 40);
    if (dataflow::is_join(layer)) {
      int common = layer.output.channels;
      for (const int tensor : layer.inputs) {
        common = std::gcd(common, network.shape(tensor).channels);
      }
      p.pe = drawn_divisor(random, common);
    } else if (layer.groups > 1) {
      draw_groups(random, layer, p);
    } else if (layer.has_weights()) {
      p.pe = drawn_divisor(random, layer.rows());
      p.simd = drawn_divisor(random, layer.columns());
    }
    if (!layer.is_flat() && !dataflow::is_join(layer) && layer.groups == 1 &&
        uniform(random, 0, 1) == 0) {
      p.window_simd = drawn_divisor(random, layer.input.channels);
    }
    accelerator.layers.push_back(std::move(p));
  }
  // Wires within layers, where pipelines flush and no fork and no join is at their ends.
  for (size_t i = 0; i < network.layers.size(); ++i) {
    if (accelerator.discipline == dataflow::Discipline::stalling || uniform(random, 0, 2) > 0)
      continue;
    const dataflow::DataflowAccelerator before = accelerator;
    dataflow::LayerParams& p = accelerator.layers[i];
    p.in_depths.resize(network.layers[i].inputs.size(), 2);
    p.inner_depth = 0;
    try {
      validate(accelerator, network);
    } catch (const InputError&) {
      accelerator = before;
    }
  }
  return accelerator;
}

}  // namespace stuckat::test
