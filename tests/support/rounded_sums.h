// Parameters as networks of 8 bits have them: thresholds that round a scaled sum.
#pragma once

#include <algorithm>
#include <cmath>

#include "tests/support/random_network.h"

namespace stuckat::test {

/// Thresholds of level k at sums of (k - 1/2 - zero) / scale, ascending: a row's scale is drawn so
/// that sums of random operands reach about half of the levels; one for all rows without weights.
inline void round_sums(Layer& layer, Random& random) {
  const int n = layer.thresholds_per_row();
  const int low = layer.accumulator_min() - 1;
  const int high = layer.accumulator_max();
  layer.thresholds.clear();
  const auto draw = [&](double least, double greatest) {
    return std::uniform_real_distribution<double>(least, greatest)(random);
  };
  double factor = draw(0.7, 1.4);
  double zero = n * draw(0.3, 0.6);
  for (int row = 0; row < layer.rows(); ++row) {
    double deviation = 1;
    if (layer.has_weights()) {
      double squares = 0;
      for (int c = 0; c < layer.columns(); ++c) {
        squares += double{1} * layer.weight_row(row)[c] * layer.weight_row(row)[c];
      }
      deviation = std::sqrt(squares) * layer.input_format.max_level() / 3;
    } else {
      deviation = (double{1} * high - low) / 8;
    }
    if (layer.has_weights()) {
      factor = draw(0.7, 1.4);
      zero = n * draw(0.3, 0.6);
    }
    const double scale = n / (4 * deviation) * factor;
    const double middle = layer.has_weights() ? 0 : (double{1} * low + high) / 2;
    for (int k = 1; k <= n; ++k) {
      const double at = std::ceil((k - 0.5 - zero) / scale + middle) - 1;
      layer.thresholds.push_back(static_cast<int32_t>(
          std::clamp(at, static_cast<double>(low), static_cast<double>(high))));
    }
  }
}

/// Random weights, tables that scale their input, and such thresholds, for a whole network.
inline void fill_rounding(Network& network, Random& random) {
  for (Layer& layer : network.layers) {
    for (CodeTable& table : layer.tables) {
      const int scale = uniform(random, 700, 1400);
      for (size_t code = 0; code < table.values.size(); ++code) {
        table.values[code] = scale * table.format.value(static_cast<uint32_t>(code));
      }
    }
    for (int8_t& w : layer.weights) {
      const int index = uniform(random, 0, layer.weight_format.levels() - 1);
      w = static_cast<int8_t>(layer.weight_format.level(index));
    }
    if (layer.kind->sums && !layer.accumulator_output) round_sums(layer, random);
  }
}

}  // namespace stuckat::test
