// Random foldings, FIFO depths, word widths, latencies and disciplines for a network.
#pragma once

#include "models/dataflow/accelerator.h"
#include "tests/support/random_network.h"

namespace stuckat::test {

inline int random_divisor(Random& random, int number) {
  int divisor = uniform(random, 1, number);
  while (number % divisor != 0) divisor = uniform(random, 1, number);
  return divisor;
}

inline dataflow::DataflowAccelerator random_dataflow(Random& random, const Network& network) {
  dataflow::DataflowAccelerator accelerator;
  accelerator.name = "random";
  accelerator.discipline =
      uniform(random, 0, 1) == 0 ? dataflow::Discipline::flushing : dataflow::Discipline::stalling;
  accelerator.sliding_window =
      uniform(random, 0, 1) == 0 ? dataflow::WindowVersion::hls : dataflow::WindowVersion::rtl;
  accelerator.latency = {uniform(random, 1, 9), uniform(random, 1, 3), uniform(random, 1, 3),
                         uniform(random, 1, 3), uniform(random, 1, 3), uniform(random, 1, 9)};
  accelerator.memory_word_bits = 8 << uniform(random, 0, 5);
  accelerator.input_depth = uniform(random, 1, 6);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    dataflow::LayerParams p;
    p.out_depth = uniform(random, 1, 6);
    p.inner_depth = uniform(random, 1, 3);
    p.word_bits = uniform(random, 0, 1) * uniform(random, 1, 40);
    if (!layer.has_weights() && uniform(random, 0, 1) == 0) {
      p.window_simd = random_divisor(random, layer.input.channels);
    }
    if (layer.has_weights()) {
      const bool convolution = layer.kind == LayerKind::convolution;
      p.pe = layer.accumulator_output ? uniform(random, 1, layer.rows() + 2)
                                      : random_divisor(random, layer.rows());
      p.simd = i == 0 && !convolution ? uniform(random, 1, layer.columns())
                                      : random_divisor(random, layer.columns());
      if (convolution && uniform(random, 0, 1) == 0) {
        p.window_simd = random_divisor(random, layer.input.channels);
      }
      if (uniform(random, 0, 3) == 0) p.accumulator_bits = 24 + uniform(random, 0, 8);
    }
    accelerator.layers.push_back(p);
  }
  return accelerator;
}

}  // namespace stuckat::test
