#include "sim/protect/rescheduling.h"

#include <algorithm>
#include <numeric>
#include <random>

#include "faultmaps/array_map.h"

namespace stuckat::protect {
namespace {

using Random = std::mt19937_64;

/// 0 .. count-1, the same on every machine.
int draw(Random& random, size_t count) { return static_cast<int>(random() % count); }

bool holds(const std::vector<int>& sorted, int value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

std::vector<int> with(std::vector<int> sorted, int value) {
  sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), value), value);
  return sorted;
}

/// n choose k, or limit + 1 if it is more than `limit`.
int64_t choices(int64_t n, int64_t k, int64_t limit) {
  int64_t result = 1;
  for (int64_t i = 1; i <= std::min(k, n - k); ++i) {
    result = result * (n - i + 1) / i;  // exact: a product of i neighbours
    if (result > limit) return limit + 1;
  }
  return result;
}

/// The next subset of 0 .. n-1 of the same size in lexicographic order; false after the last.
bool next_subset(std::vector<int>& subset, int n) {
  const auto k = static_cast<int>(subset.size());
  int i = k - 1;
  while (i >= 0 && subset[static_cast<size_t>(i)] == n - k + i) --i;
  if (i < 0) return false;
  std::iota(subset.begin() + i, subset.end(), subset[static_cast<size_t>(i)] + 1);
  return true;
}

class Search {
 public:
  Search(Meter& meter, const DeadPe& pe, const SearchOptions& options)
      : meter_(meter), pe_(pe), options_(options), random_(options.seed) {}

  Rescheduling run() {
    for (const int layer : pe_.movable()) best_.sets[layer] = pe_.placed().at(layer);
    best_.placed = best_.chosen = measure_all({best_.sets}).front();
    if (pe_.movable().empty()) {
      best_.optimal = true;
      return best_;
    }
    const int first = pe_.movable().front();
    const bool all = pe_.movable().size() == 1 &&
                     choices(rows(first), count(first), options_.sets) <= options_.sets;
    all ? try_all(first) : grow();
    best_.optimal = all;
    try_random();
    if (!all) exchange();
    return best_;
  }

 private:
  int rows(int layer) const { return meter_.network().layer(layer).rows(); }
  int64_t count(int layer) const { return static_cast<int64_t>(pe_.placed().at(layer).size()); }

  std::vector<SetScore> measure_all(const std::vector<ChannelSets>& sets) {
    best_.measured += static_cast<int64_t>(sets.size());
    return measure(meter_, pe_, sets);
  }

  /// Of equals the first stays. Whether one of them is the best so far.
  bool take_best(const std::vector<ChannelSets>& sets, const std::vector<SetScore>& scores) {
    const auto at = std::max_element(scores.begin(), scores.end());
    if (at == scores.end() || !(best_.chosen < *at)) return false;
    best_.chosen = *at;
    best_.sets = sets[static_cast<size_t>(at - scores.begin())];
    return true;
  }

  void try_all(int layer) {
    std::vector<ChannelSets> sets;
    std::vector<int> subset(static_cast<size_t>(count(layer)));
    std::iota(subset.begin(), subset.end(), 0);
    do {
      sets.push_back({{layer, subset}});
    } while (next_subset(subset, rows(layer)));
    take_best(sets, measure_all(sets));
  }

  void try_random() {
    std::vector<ChannelSets> sets;
    for (int i = 0; i < options_.random; ++i) {
      ChannelSets set;
      for (const int layer : pe_.movable()) {
        ChannelOrder order = identity_order(rows(layer));
        for (size_t k = order.size(); k > 1; --k) {
          std::swap(order[k - 1], order[static_cast<size_t>(draw(random_, k))]);
        }
        order.resize(static_cast<size_t>(count(layer)));
        std::sort(order.begin(), order.end());
        set[layer] = std::move(order);
      }
      sets.push_back(std::move(set));
    }
    best_.random = measure_all(sets);
    take_best(sets, best_.random);
  }

  /// Layer by layer, each beside what is chosen already; what has a fixed order is left out, since
  /// it costs the same whatever is chosen. Where measuring one channel more at a time would take
  /// too many sets, several are taken at once.
  void grow() {
    ChannelSets chosen;
    for (const auto& [layer, placed] : pe_.placed()) chosen[layer] = {};
    const int64_t budget =
        std::max<int64_t>(1, options_.sets / static_cast<int64_t>(pe_.movable().size()));
    for (const int layer : pe_.movable()) {
      const int64_t wanted = count(layer);
      const int64_t step = (rows(layer) * wanted + budget - 1) / budget;
      while (static_cast<int64_t>(chosen[layer].size()) < wanted) {
        const int64_t missing = wanted - static_cast<int64_t>(chosen[layer].size());
        for (const int channel : cheapest(chosen, layer, std::min(step, missing))) {
          chosen[layer] = with(std::move(chosen[layer]), channel);
        }
      }
    }
    for (const auto& [layer, reason] : pe_.why_fixed()) chosen.erase(layer);
    take_best({chosen}, measure_all({chosen}));
  }

  /// The `most` channels of the layer that cost least beside those chosen.
  std::vector<int> cheapest(const ChannelSets& chosen, int layer, int64_t most) {
    std::vector<int> channels;
    std::vector<ChannelSets> sets;
    for (int channel = 0; channel < rows(layer); ++channel) {
      if (holds(chosen.at(layer), channel)) continue;
      channels.push_back(channel);
      sets.push_back(chosen);
      sets.back()[layer] = with(chosen.at(layer), channel);
    }
    const std::vector<SetScore> scores = measure_all(sets);
    std::vector<size_t> rank(channels.size());
    std::iota(rank.begin(), rank.end(), size_t{0});
    std::stable_sort(rank.begin(), rank.end(),
                     [&](size_t a, size_t b) { return scores[b] < scores[a]; });
    std::vector<int> result;
    for (int64_t i = 0; i < most; ++i) {
      result.push_back(channels[rank[static_cast<size_t>(i)]]);
    }
    return result;
  }

  void exchange() {
    constexpr int proposals = 32;
    for (int round = 0; round < options_.exchanges; ++round) {
      std::vector<ChannelSets> sets;
      for (int i = 0; i < proposals; ++i) {
        const int layer = pe_.movable()[static_cast<size_t>(draw(random_, pe_.movable().size()))];
        std::vector<int> set = best_.sets.at(layer);
        if (count(layer) == rows(layer)) continue;
        int other = draw(random_, static_cast<size_t>(rows(layer)));
        while (holds(set, other)) other = (other + 1) % rows(layer);
        set.erase(set.begin() + draw(random_, set.size()));
        sets.push_back(best_.sets);
        sets.back()[layer] = with(std::move(set), other);
      }
      if (!take_best(sets, measure_all(sets))) return;
    }
  }

  Meter& meter_;
  const DeadPe& pe_;
  const SearchOptions& options_;
  Random random_;
  Rescheduling best_;
};

/// Layers of which several PEs compute different channels, and whose order is free; each with its
/// rows, PE by PE.
std::map<int, std::vector<int>> rows_by_pe(const Network& network, const Placement& placement) {
  std::map<int, std::vector<int>> result;
  for (const PeArray& array : placement.arrays) {
    if (array.pe == 1 || array.schedule == Schedule::pixel_parallel) continue;
    for (const ArrayUse& use : array.uses) {
      if (!fixed_order_reason(network, use.layer).empty()) continue;
      const ArrayMap map(array, use, network.layer(use.layer));
      std::vector<int>& rows = result[use.layer];
      for (int pe = 0; pe < array.pe; ++pe) {
        const std::vector<int> of_pe = map.rows(pe);
        rows.insert(rows.end(), of_pe.begin(), of_pe.end());
      }
    }
  }
  return result;
}

}  // namespace

Rescheduling reschedule_around(Meter& meter, const DeadPe& pe, const SearchOptions& options) {
  return Search(meter, pe, options).run();
}

ChannelOrders orders_for(const Network& network, const DeadPe& pe, const ChannelSets& sets) {
  ChannelOrders orders;
  for (const auto& [layer, set] : sets) {
    const std::vector<int>& placed = pe.placed().at(layer);
    ChannelOrder order = identity_order(network.layer(layer).rows());
    auto place = placed.begin();
    for (const int channel : set) {
      if (holds(placed, channel)) continue;
      while (holds(set, *place)) ++place;
      std::swap(order[static_cast<size_t>(channel)], order[static_cast<size_t>(*place++)]);
    }
    orders[layer] = std::move(order);
  }
  return orders;
}

ChannelSets sets_under(const DeadPe& pe, const ChannelOrders& orders) {
  ChannelSets sets;
  for (const auto& [layer, rows] : pe.placed()) {
    const auto order = orders.find(layer);
    if (order == orders.end()) continue;
    std::vector<int>& set = sets[layer];
    for (const int row : rows) set.push_back(order->second[static_cast<size_t>(row)]);
    std::sort(set.begin(), set.end());
  }
  return sets;
}

std::map<int, std::vector<double>> criticality(Meter& meter) {
  const Network& network = meter.network();
  std::vector<Effects> faults;
  std::map<int, std::vector<double>> result;
  for (const int layer : network.injectable_layers()) {
    if (!fixed_order_reason(network, layer).empty()) continue;
    const NumberFormat format = network.layer(layer).output_format;
    result[layer].resize(static_cast<size_t>(network.layer(layer).rows()));
    for (int channel = 0; channel < network.layer(layer).rows(); ++channel) {
      for (int level = 0; level < format.levels(); ++level) {
        faults.push_back(stuck_channel(network, layer, channel, format.level(level)));
      }
    }
  }
  const std::vector<int64_t> correct = meter.correct(std::move(faults));
  auto next = correct.begin();
  for (auto& [layer, losses] : result) {
    const int levels = network.layer(layer).output_format.levels();
    for (double& loss : losses) {
      loss = meter.points_lost(*std::min_element(next, next + levels));
      next += levels;
    }
  }
  return result;
}

ChannelOrders clustered(const Network& network, const Placement& placement,
                        const std::map<int, std::vector<double>>& critical) {
  ChannelOrders orders;
  for (const auto& [layer, rows] : rows_by_pe(network, placement)) {
    const std::vector<double>& losses = critical.at(layer);
    ChannelOrder channels = identity_order(network.layer(layer).rows());
    std::stable_sort(channels.begin(), channels.end(), [&](int a, int b) {
      return losses[static_cast<size_t>(a)] > losses[static_cast<size_t>(b)];
    });
    ChannelOrder& order = orders[layer];
    order.resize(channels.size());
    for (size_t i = 0; i < rows.size(); ++i) order[static_cast<size_t>(rows[i])] = channels[i];
  }
  return orders;
}

ChannelOrders shuffled(const Network& network, const Placement& placement, uint64_t seed) {
  Random random(seed);
  ChannelOrders orders;
  for (const auto& [layer, rows] : rows_by_pe(network, placement)) {
    ChannelOrder& order = orders[layer] = identity_order(network.layer(layer).rows());
    for (size_t k = order.size(); k > 1; --k) {
      std::swap(order[k - 1], order[static_cast<size_t>(draw(random, k))]);
    }
  }
  return orders;
}

}  // namespace stuckat::protect
