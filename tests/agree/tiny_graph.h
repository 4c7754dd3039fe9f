// A small network that is a graph, of which all faults can be simulated.
#pragma once

#include <utility>

#include "tests/support/random_graph.h"

namespace stuckat::test {

inline Layer layer_of(LayerKind kind, int channels = 0) {
  Layer layer;
  layer.kind = kind;
  layer.output.channels = channels;
  return layer;
}

/// A residual block on an image in a format: one branch goes through two convolutions, the other
/// through a depthwise one, their sum through an average-pool to a dense layer with thresholds.
inline Network tiny_residual(NumberFormat image, NumberFormat format, uint64_t seed) {
  Random random(seed);
  Network network;
  network.name = "residual";
  const auto add = [&](Layer layer, const char* name) {
    layer.name = name;
    if (layer.inputs.empty()) layer.inputs = {static_cast<int>(network.layers.size())};
    const int from = layer.inputs.front();
    layer.input = from == 0 ? Shape{4, 5, 2} : network.layer(from - 1).output;
    layer.input_format = from == 0 ? image : network.layer(from - 1).output_format;
    layer.output_format = format;
    if (layer.has_weights()) layer.weight_format = signed_format(3);
    if (!layer.has_weights() || layer.groups > 1) layer.output.channels = layer.input.channels;
    layer.output = layer.kind->output(layer, "residual");
    fill_graph_parameters(layer, random);
    network.add(std::move(layer));
    return static_cast<int>(network.layers.size());
  };
  Layer first = layer_of(LayerKind::convolution, 3);
  first.kernel = {3, 2};
  first.stride = {2, 1};
  first.padding = {1, 0, 1, 1};
  const int fork = add(first, "layer0");
  const int branch = add(layer_of(LayerKind::convolution, 3), "layer1");
  Layer depthwise = layer_of(LayerKind::convolution);
  depthwise.inputs = {fork};
  depthwise.kernel = {2, 3};
  depthwise.padding = {0, 1, 1, 1};
  depthwise.groups = 3;
  const int other = add(depthwise, "layer2");
  Layer sum = layer_of(LayerKind::add);
  sum.inputs = {branch, other};
  for (int i = 0; i < 2; ++i) {
    sum.tables.push_back({format, {}});
    for (int code = 0; code < 1 << format.bits; ++code) {
      sum.tables.back().values.push_back(uniform(random, -9, 9));
    }
  }
  add(sum, "add0");
  Layer pool = layer_of(LayerKind::average_pool);
  pool.kernel = {2, 5};
  add(pool, "pool0");
  add(layer_of(LayerKind::dense, 3), "layer3");
  validate(network, "residual");
  return network;
}

}  // namespace stuckat::test
