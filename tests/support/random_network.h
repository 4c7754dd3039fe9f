// Small random networks with random weights, thresholds and images, for property tests.
#pragma once

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

#include "workloads/network.h"

namespace stuckat::test {

using Random = std::mt19937_64;

inline int uniform(Random& random, int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(random);
}

inline void fill_parameters(Layer& layer, Random& random) {
  layer.weights.resize(static_cast<size_t>(layer.rows()) * static_cast<size_t>(layer.columns()));
  for (auto& w : layer.weights) {
    const int index = uniform(random, 0, layer.weight_format.levels() - 1);
    w = static_cast<int8_t>(layer.weight_format.level(index));
  }
  // Thresholds near the middle of what sums of random operands reach, so that codes vary.
  const double middle = layer.is_xnor() ? layer.columns() / 2.0 : 0.0;
  const double spread =
      std::max(1.0, std::sqrt(layer.columns()) * layer.input_format.max_level() * 0.7);
  std::normal_distribution<double> normal(middle, spread);
  layer.thresholds.resize(static_cast<size_t>(layer.rows()) *
                          static_cast<size_t>(layer.thresholds_per_row()));
  for (auto& t : layer.thresholds) {
    t = std::clamp(static_cast<int>(std::lround(normal(random))), layer.accumulator_min() - 1,
                   layer.accumulator_max());
  }
  for (int row = 0; row < layer.rows(); ++row) {
    auto* begin = layer.thresholds.data() + row * layer.thresholds_per_row();
    std::sort(begin, begin + layer.thresholds_per_row());
  }
}

inline Layer random_layer(Random& random, LayerKind kind, Shape input, NumberFormat input_format,
                          NumberFormat weight_format, NumberFormat output_format, int kernel,
                          int stride, int padding, int channels, const std::string& name,
                          bool last) {
  Layer layer;
  layer.name = name;
  layer.kind = kind;
  layer.kernel = kernel;
  layer.stride = stride;
  layer.padding = padding;
  layer.input = input;
  layer.output.channels = channels;
  layer.output = kind->output(layer, name);
  layer.input_format = input_format;
  layer.weight_format = kind->has_weights ? weight_format : NumberFormat{};
  layer.output_format = kind->sums ? output_format : input_format;
  layer.accumulator_output = last;
  if (layer.has_weights()) fill_parameters(layer, random);
  return layer;
}

/// Convolutions with random kernel, stride and padding, sometimes pools (some with windows that
/// overlap), then one or two dense layers; any formats of the zoo, 8-bit weights in the first and
/// last layer among them. A few thousand MACs an image.
inline Network random_network(Random& random) {
  const NumberFormat weight = quantized_format(uniform(random, 1, 3));
  const int kind = uniform(random, 0, 4);
  const NumberFormat activation =
      kind == 4 ? unsigned_format(2) : quantized_format(kind == 0 ? 1 : kind);
  Network network;
  network.name = "random";
  Shape shape{uniform(random, 5, 9), uniform(random, 5, 9), uniform(random, 1, 4)};
  NumberFormat format = uniform(random, 0, 3) == 0 ? activation : fixed_point_format;
  const NumberFormat outer_weight = uniform(random, 0, 3) == 0 ? signed_format(8) : weight;
  auto add = [&](LayerKind layer_kind, int kernel, int stride, int padding, int channels,
                 const std::string& name, bool last) {
    const bool outer = last || network.layers.empty();
    network.add(random_layer(random, layer_kind, shape, format, outer ? outer_weight : weight,
                             activation, kernel, stride, padding, channels, name, last));
    shape = network.layers.back().output;
    format = network.layers.back().output_format;
  };
  const int convolutions = uniform(random, 1, 3);
  int index = 0;
  for (int i = 0; i < convolutions; ++i) {
    const int kernel = std::min({uniform(random, 1, 3), shape.height, shape.width});
    const int padding = kernel > 1 && uniform(random, 0, 2) == 0 ? 1 : 0;
    const int stride = uniform(random, 0, 3) == 0 ? 2 : 1;
    add(LayerKind::convolution, kernel, stride, padding,
        uniform(random, 1, 3) * uniform(random, 1, 4), "layer" + std::to_string(index++), false);
    if (uniform(random, 0, 2) == 0 && shape.height >= 2 && shape.width >= 2) {
      const int overlap = std::min({uniform(random, 0, 1), shape.height - 2, shape.width - 2});
      add(LayerKind::max_pool, 2 + overlap, 2, 0, 0, "pool" + std::to_string(i), false);
    }
  }
  if (uniform(random, 0, 1) == 0)
    add(LayerKind::dense, 1, 1, 0, uniform(random, 2, 12), "layer" + std::to_string(index++),
        false);
  add(LayerKind::dense, 1, 1, 0, uniform(random, 2, 10), "layer" + std::to_string(index), true);
  return network;
}

/// Binary operands are summed instead of matched, in every layer that has such. False: none has.
inline bool sum_binary_operands(Network& network, Random& random) {
  bool any = false;
  for (Layer& layer : network.layers) {
    if (!layer.has_weights() || !layer.is_binary()) continue;
    layer.signed_sum = any = true;
    fill_parameters(layer, random);
  }
  return any;
}

/// A random image for the network, in values of its input format.
inline Tensor random_image(Random& random, const Network& network) {
  const Layer& first = network.layers.front();
  Tensor image{first.input, {}};
  for (int i = 0; i < first.input.size(); ++i) {
    image.values.push_back(
        first.input_format.level(uniform(random, 0, first.input_format.levels() - 1)));
  }
  return image;
}

}  // namespace stuckat::test
