// Random foldings, FIFO depths, word widths, latencies and disciplines for a network.
#pragma once

#include "models/dataflow/accelerator.h"
#include "tests/support/random_network.h"
#include "workloads/errors.h"

namespace stuckat::test {

inline int drawn_divisor(Random& random, int number) {
  int divisor = uniform(random, 1, number);
  while (number % divisor != 0) divisor = uniform(random, 1, number);
  return divisor;
}

inline dataflow::DataflowAccelerator random_timed_dataflow(Random& random, const Network& network) {
  dataflow::DataflowAccelerator accelerator;
  accelerator.name = "random";
  accelerator.discipline =
      uniform(random, 0, 1) == 0 ? dataflow::Discipline::flushing : dataflow::Discipline::stalling;
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
      p.window_simd = drawn_divisor(random, layer.input.channels);
    }
    if (layer.has_weights()) {
      const bool convolution = layer.kind == LayerKind::convolution;
      p.pe = layer.accumulator_output ? uniform(random, 1, layer.rows() + 2)
                                      : drawn_divisor(random, layer.rows());
      p.simd = i == 0 && !convolution ? uniform(random, 1, layer.columns())
                                      : drawn_divisor(random, layer.columns());
      if (convolution && uniform(random, 0, 1) == 0) {
        p.window_simd = drawn_divisor(random, layer.input.channels);
      }
      if (uniform(random, 0, 3) == 0) p.accumulator_bits = 24 + uniform(random, 0, 8);
    }
    accelerator.layers.push_back(p);
  }
  return accelerator;
}

inline dataflow::Backend random_backend(Random& random) {
  return uniform(random, 0, 2) == 0 ? dataflow::Backend::hls : dataflow::Backend::rtl;
}

/// Parts of layers become FINN's in RTL, at random, with latencies of their own; where pipelines
/// flush, FIFOs become wires.
inline void draw_rtl_parts(Random& random, const Network& network,
                           dataflow::DataflowAccelerator& accelerator) {
  using dataflow::Backend;
  using dataflow::WindowVersion;
  const bool flushing = accelerator.discipline == dataflow::Discipline::flushing;
  // Keeps what is valid.
  const auto change = [&](auto&& apply) {
    const dataflow::DataflowAccelerator before = accelerator;
    apply();
    try {
      validate(accelerator, network);
    } catch (const InputError&) {
      accelerator = before;
    }
  };
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    dataflow::LayerParams& p = accelerator.layers[i];
    if (flushing && uniform(random, 0, 2) == 0) p.out_depth = 0;
    if (flushing && uniform(random, 0, 2) == 0) p.inner_depth = 0;
    if (uniform(random, 0, 2) == 0) {
      p.latency = {uniform(random, 0, 9), uniform(random, 0, 3), uniform(random, 0, 3),
                   uniform(random, 0, 3), uniform(random, 0, 3), 0};
    }
    change([&] {
      constexpr WindowVersion versions[] = {WindowVersion::hls, WindowVersion::rtl,
                                            WindowVersion::rtl, WindowVersion::parallel};
      p.parts.sliding_window = versions[uniform(random, 0, 3)];
      if (p.parts.sliding_window == WindowVersion::parallel) {
        p.window_simd = layer.has_weights() && !layer.is_flat() ? layer.input.channels : 0;
      }
    });
    change([&] { p.parts.padding = random_backend(random); });
    change([&] {
      p.parts.mvtu = random_backend(random);
      p.parts.thresholding = p.parts.mvtu == Backend::rtl ? Backend::rtl : random_backend(random);
      p.latency.mvtu = 0;
      p.dsp = uniform(random, 0, 1) == 0 ? 48 : 58;
      if (p.dsp == 58) p.segment_length = uniform(random, 0, std::max(1, (p.simd + 2) / 3));
    });
    change([&] {
      if (uniform(random, 0, 1) == 0) p.threshold_pe = drawn_divisor(random, layer.rows());
    });
    change([&] { p.parts.width_converter = random_backend(random); });
  }
}

}  // namespace stuckat::test
