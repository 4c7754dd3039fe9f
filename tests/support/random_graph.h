// Small random networks that are graphs: forks, adds, joined channels, depthwise and rectangular
// convolutions, average-pools, results of any shape, formats of 1 to 8 bits.
#pragma once

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/random_network.h"

namespace stuckat::test {

inline NumberFormat random_format(Random& random,
                                  const std::vector<NumberFormat>& all = all_number_formats()) {
  return all[static_cast<size_t>(uniform(random, 0, static_cast<int>(all.size()) - 1))];
}

/// Random weights, and thresholds in the middle of what sums reach; ascending in each row.
inline void fill_graph_parameters(Layer& layer, Random& random) {
  if (layer.has_weights()) {
    layer.weights.resize(static_cast<size_t>(layer.rows()) * static_cast<size_t>(layer.columns()));
    for (auto& w : layer.weights) {
      const int index = uniform(random, 0, layer.weight_format.levels() - 1);
      w = static_cast<int8_t>(layer.weight_format.level(index));
    }
  }
  if (!layer.kind->sums) return;
  const int low = layer.accumulator_min() - 1;
  const int high = layer.accumulator_max();
  const int reach = std::max(1, (high - low) / 6);
  const int middle = low + (high - low) / 2;
  for (int row = 0; row < layer.rows(); ++row) {
    std::vector<int32_t> levels;
    for (int i = 0; i < layer.thresholds_per_row(); ++i) {
      levels.push_back(std::clamp(uniform(random, middle - reach, middle + reach), low, high));
    }
    std::sort(levels.begin(), levels.end());
    layer.thresholds.insert(layer.thresholds.end(), levels.begin(), levels.end());
  }
}

/// Appends random layers to a network, each on random tensors that are there.
class RandomGraph {
 public:
  /// `input`: what it may come in.
  explicit RandomGraph(Random& random,
                       const std::vector<NumberFormat>& input = all_number_formats())
      : random_(random) {
    network_.name = "graph";
    shapes_ = {{uniform(random, 3, 7), uniform(random, 3, 7), uniform(random, 1, 4)}};
    formats_ = {random_format(random, input)};
  }

  /// Each layer on the tensor before it: convolutions, depthwise ones, and pools.
  Network build_chain() {
    const int layers = uniform(random_, 1, 5);
    convolution(0, false);
    for (int i = 0; i < layers; ++i) {
      const int kind = uniform(random_, 0, 4);
      if (kind < 2) convolution(newest(), kind == 0);
      if (kind == 2) pool(newest(), LayerKind::max_pool);
      if (kind > 2) pool(newest(), LayerKind::average_pool);
    }
    finish();
    validate(network_, "random chain");
    return network_;
  }

  Network build() {
    const int layers = uniform(random_, 2, 7);
    convolution(0, false);
    for (int i = 0; i < layers; ++i) grow();
    finish();
    validate(network_, "random graph");
    return network_;
  }

 private:
  int newest() const { return static_cast<int>(shapes_.size()) - 1; }
  int any_tensor() { return uniform(random_, std::max(0, newest() - 2), newest()); }

  void grow() {
    switch (uniform(random_, 0, 5)) {
      case 0:
        return convolution(any_tensor(), uniform(random_, 0, 1) == 0);
      case 1:
        return pool(any_tensor(), LayerKind::max_pool);
      case 2:
        return pool(any_tensor(), LayerKind::average_pool);
      case 3:
        return add(any_tensor());
      case 4:
        return concat(any_tensor());
      default:
        return convolution(newest(), false);
    }
  }

  Layer layer_on(LayerKind kind, std::vector<int> inputs) {
    Layer layer;
    layer.name = kind->name + std::to_string(network_.layers.size());
    layer.kind = kind;
    layer.input = shapes_[static_cast<size_t>(inputs.front())];
    layer.input_format = formats_[static_cast<size_t>(inputs.front())];
    layer.output_format = kind->sums ? random_format(random_) : layer.input_format;
    layer.inputs = std::move(inputs);
    return layer;
  }

  void push(Layer layer) {
    layer.output = layer.kind->output(layer, "random graph");
    fill_graph_parameters(layer, random_);
    shapes_.push_back(layer.output);
    formats_.push_back(layer.output_format);
    network_.add(std::move(layer));
  }

  void draw_window(Layer& layer) {
    const Shape& in = layer.input;
    layer.kernel = {uniform(random_, 1, std::min(3, in.height)),
                    uniform(random_, 1, std::min(3, in.width))};
    layer.stride = {uniform(random_, 1, 2), uniform(random_, 1, 2)};
    const auto side = [&](int kernel) { return uniform(random_, 0, kernel - 1); };
    layer.padding = {side(layer.kernel.height), side(layer.kernel.width), side(layer.kernel.height),
                     side(layer.kernel.width)};
  }

  void convolution(int tensor, bool depthwise) {
    Layer layer = layer_on(LayerKind::convolution, {tensor});
    draw_window(layer);
    const int channels = layer.input.channels;
    layer.groups = depthwise ? channels : uniform(random_, 0, 2) == 0 ? divisor(channels) : 1;
    layer.output.channels = layer.groups * uniform(random_, 1, 3);
    layer.weight_format = uniform(random_, 0, 2) == 0   ? binary_format
                          : uniform(random_, 0, 1) == 0 ? signed_format(uniform(random_, 2, 8))
                                                        : full_format(uniform(random_, 2, 8));
    push(std::move(layer));
  }

  int divisor(int number) {
    int d = uniform(random_, 1, number);
    while (number % d != 0) --d;
    return d;
  }

  void pool(int tensor, LayerKind kind) {
    Layer layer = layer_on(kind, {tensor});
    draw_window(layer);
    layer.output.channels = layer.input.channels;
    push(std::move(layer));
  }

  /// Adds a tensor to all others of its shape, or to itself: by random tables.
  void add(int tensor) {
    std::vector<int> inputs = {tensor};
    for (int t = 0; t <= newest(); ++t) {
      if (t != tensor && shapes_[static_cast<size_t>(t)] == shapes_[static_cast<size_t>(tensor)]) {
        inputs.push_back(t);
      }
    }
    if (inputs.size() == 1) inputs.push_back(tensor);
    Layer layer = layer_on(LayerKind::add, inputs);
    for (const int t : inputs) {
      CodeTable table{formats_[static_cast<size_t>(t)], {}};
      for (int code = 0; code < 1 << table.format.bits; ++code) {
        table.values.push_back(uniform(random_, -1000, 1000));
      }
      layer.tables.push_back(std::move(table));
    }
    push(std::move(layer));
  }

  void concat(int tensor) {
    const auto t = static_cast<size_t>(tensor);
    std::vector<int> inputs = {tensor};
    Shape all = shapes_[t];
    for (int other = 0; other <= newest(); ++other) {
      const auto o = static_cast<size_t>(other);
      if (other != tensor && formats_[o] == formats_[t] && shapes_[o].height == all.height &&
          shapes_[o].width == all.width) {
        inputs.push_back(other);
      }
    }
    if (inputs.size() == 1) inputs.push_back(tensor);
    Layer layer = layer_on(LayerKind::concat, inputs);
    layer.output.channels = 0;
    for (const int i : inputs) layer.output.channels += shapes_[static_cast<size_t>(i)].channels;
    push(std::move(layer));
  }

  /// What nobody reads is brought to one pixel and joined; the result is that, or levels or sums.
  void finish() {
    std::vector<int> ends;
    for (int t = 0; t <= newest(); ++t) {
      if (network_.consumers(t).empty()) ends.push_back(t);
    }
    const NumberFormat format = unsigned_format(3);
    std::vector<int> joined;
    for (const int end : ends) {
      Layer layer = layer_on(LayerKind::dense, {end});
      layer.output.channels = uniform(random_, 2, 5);
      layer.weight_format = signed_format(3);
      layer.output_format = format;
      layer.accumulator_output = ends.size() == 1 && uniform(random_, 0, 1) == 0;
      push(std::move(layer));
      joined.push_back(newest());
    }
    if (joined.size() == 1) return;
    Layer layer = layer_on(LayerKind::concat, joined);
    layer.output.channels = 0;
    for (const int i : joined) layer.output.channels += shapes_[static_cast<size_t>(i)].channels;
    push(std::move(layer));
  }

  Random& random_;
  Network network_;
  std::vector<Shape> shapes_;          // [tensor]
  std::vector<NumberFormat> formats_;  // [tensor]
};

inline Network random_graph(Random& random) { return RandomGraph(random).build(); }
inline Network random_chain(Random& random) { return RandomGraph(random).build_chain(); }

}  // namespace stuckat::test
