// What the tests of every fault share: a network of which all faults can be simulated, and how many
// of them are.
#pragma once

#include <array>

#include "tests/support/random_network.h"
#include "workloads/sanitized.h"

namespace stuckat::test {

/// Every how many-th fault is taken: all, but with sanitizers, where a simulation in a child costs
/// ten times as much.
inline constexpr size_t stride = sanitized ? 97 : 1;

/// A convolution with padding and stride 1, a pool, a convolution, a dense layer: each only a few
/// elements large, in formats of one bit or of two. widths: channels of the two convolutions.
inline Network tiny_network(NumberFormat format, uint64_t seed,
                            std::array<int, 2> widths = {2, 2}) {
  Random random(seed);
  Network network;
  network.name = "tiny";
  const auto add = [&](LayerKind kind, Shape input, int kernel, int padding, int channels,
                       const std::string& name, bool last) {
    network.add(random_layer(random, kind, input, format, format, format, kernel,
                             kind == LayerKind::max_pool ? kernel : 1, padding, channels, name,
                             last));
    return network.layers.back().output;
  };
  Shape shape = add(LayerKind::convolution, {4, 4, 2}, 3, 1, widths[0], "layer0", false);
  shape = add(LayerKind::max_pool, shape, 2, 0, 0, "pool0", false);
  shape = add(LayerKind::convolution, shape, 2, 1, widths[1], "layer1", false);
  add(LayerKind::dense, shape, 1, 0, 3, "layer2", true);
  return network;
}

}  // namespace stuckat::test
