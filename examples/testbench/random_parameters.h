// Parameters for a network that nobody trained: every run of the examples has the same.
#pragma once

#include <random>

#include "workloads/network.h"

inline void fill_randomly(stuckat::Layer& layer, std::mt19937& random) {
  for (auto& weight : layer.weights) weight = random() % 2 == 0 ? 1 : -1;
  const int middle = (layer.accumulator_min() + layer.accumulator_max()) / 2;
  for (auto& threshold : layer.thresholds) threshold = middle + static_cast<int>(random() % 5) - 2;
}
