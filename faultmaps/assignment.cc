#include "faultmaps/assignment.h"

#include <cstdlib>
#include <limits>
#include <set>
#include <utility>

namespace stuckat {
namespace {

/// Columns that are pruned in each row of a layer.
std::vector<std::vector<int>> pruned_columns(const Effects& prunes, int layer, int rows) {
  std::vector<std::vector<int>> columns(static_cast<size_t>(rows));
  for (const ParameterPatch& p : prunes.patches) {
    const bool here = p.layer == layer && !p.is_threshold && p.value == 0;
    if (here) columns[static_cast<size_t>(p.row)].push_back(p.index);
  }
  return columns;
}

int64_t magnitude(const Layer& layer, int row, int column) {
  return std::abs(
      int{layer.weights[static_cast<size_t>(row) * static_cast<size_t>(layer.columns()) +
                        static_cast<size_t>(column)]});
}

}  // namespace

std::vector<int> cheapest_assignment(const std::vector<int64_t>& cost, int n) {
  // Jobs and workers from 1; 0 stands for none. Potentials u and v keep cost - u - v >= 0, and = 0
  // where assigned.
  constexpr int64_t infinite = std::numeric_limits<int64_t>::max();
  const auto size = static_cast<size_t>(n) + 1;
  std::vector<int64_t> u(size), v(size);
  std::vector<int> worker_of(size), before(size);
  for (int worker = 1; worker <= n; ++worker) {
    worker_of[0] = worker;
    int job = 0;
    std::vector<int64_t> slack(size, infinite);
    std::vector<bool> used(size);
    do {
      used[static_cast<size_t>(job)] = true;
      const int at = worker_of[static_cast<size_t>(job)];
      int64_t least = infinite;
      int next = 0;
      for (int j = 1; j <= n; ++j) {
        const auto i = static_cast<size_t>(j);
        if (used[i]) continue;
        const int64_t reduced = cost[static_cast<size_t>(at - 1) * static_cast<size_t>(n) + i - 1] -
                                u[static_cast<size_t>(at)] - v[i];
        if (reduced < slack[i]) {
          slack[i] = reduced;
          before[i] = job;
        }
        if (slack[i] < least) {
          least = slack[i];
          next = j;
        }
      }
      for (int j = 0; j <= n; ++j) {
        const auto i = static_cast<size_t>(j);
        if (used[i]) {
          u[static_cast<size_t>(worker_of[i])] += least;
          v[i] -= least;
        } else if (slack[i] != infinite) {
          slack[i] -= least;
        }
      }
      job = next;
    } while (worker_of[static_cast<size_t>(job)] != 0);
    for (; job != 0; job = before[static_cast<size_t>(job)]) {
      worker_of[static_cast<size_t>(job)] =
          worker_of[static_cast<size_t>(before[static_cast<size_t>(job)])];
    }
  }
  std::vector<int> job_of(static_cast<size_t>(n));
  for (int j = 1; j <= n; ++j) {
    job_of[static_cast<size_t>(worker_of[static_cast<size_t>(j)] - 1)] = j - 1;
  }
  return job_of;
}

double saliency_lost(const Network& network, const Effects& prunes) {
  double lost = 0;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (!layer.has_weights()) continue;
    int64_t all = 0, pruned = 0;
    for (const int8_t weight : layer.weights) all += std::abs(int{weight});
    const auto columns = pruned_columns(prunes, static_cast<int>(i), layer.rows());
    for (int row = 0; row < layer.rows(); ++row) {
      for (const int column : columns[static_cast<size_t>(row)]) {
        pruned += magnitude(layer, row, column);
      }
    }
    lost += all == 0 ? 0 : static_cast<double>(pruned) / static_cast<double>(all);
  }
  return lost;
}

ChannelOrders salvaging_orders(const Network& network, const Effects& prunes) {
  ChannelOrders orders;
  Network now = network;
  for (int i = 0; i < static_cast<int>(network.layers.size()); ++i) {
    if (!now.layer(i).has_weights() || !fixed_order_reason(now, i).empty()) continue;
    const Layer& layer = now.layer(i);
    const auto n = static_cast<size_t>(layer.rows());
    const auto columns = pruned_columns(prunes, i, layer.rows());
    // Workers are rows of the chip, jobs channels.
    std::vector<int64_t> cost(n * n);
    for (size_t row = 0; row < n; ++row) {
      for (size_t channel = 0; channel < n; ++channel) {
        for (const int column : columns[row]) {
          cost[row * n + channel] += magnitude(layer, static_cast<int>(channel), column);
        }
      }
    }
    ChannelOrder order = cheapest_assignment(cost, layer.rows());
    now = permute_channels(std::move(now), i, order);
    orders.emplace(i, std::move(order));
  }
  return orders;
}

}  // namespace stuckat
