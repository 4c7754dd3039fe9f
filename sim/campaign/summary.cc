#include "sim/campaign/summary.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <numeric>

namespace stuckat::campaign {
namespace {

/// How many of the population each fault stands for.
std::vector<double> weights(const Result& result) {
  std::vector<double> each(static_cast<size_t>(result.size()), 1.0);
  for (const Stratum& s : result.strata) {
    if (s.count == s.population) continue;
    std::fill_n(each.begin() + s.first, s.count,
                static_cast<double>(s.population) / static_cast<double>(s.count));
  }
  return each;
}

/// A range and the weights in it. Sums of integers where all are 1: exact.
struct Sums {
  AccuracyRange range;
  double weight = 0;
  double correct = 0;
};

/// Faults are added in ascending order.
void add(Sums& sums, const Result& result, int64_t fault, double weight) {
  AccuracyRange& range = sums.range;
  const double accuracy = result.accuracy(fault);
  if (range.faults == 0 || accuracy < range.min) {
    range.min = accuracy;
    range.worst = fault;
  }
  range.max = range.faults == 0 ? accuracy : std::max(range.max, accuracy);
  ++range.faults;
  sums.weight += weight;
  sums.correct += weight * static_cast<double>(result.total_correct(fault));
  range.mean = 100 * sums.correct / (sums.weight * static_cast<double>(result.images));
}

const FaultInfo& info(const Result& result, int64_t fault) {
  return result.faults[static_cast<size_t>(fault)];
}

}  // namespace

Overall overall(const Result& result) {
  Overall all;
  Sums sums;
  const std::vector<double> weight = weights(result);
  for (int64_t f = 0; f < result.size(); ++f) {
    add(sums, result, f, weight[static_cast<size_t>(f)]);
    const int64_t critical = result.critical[static_cast<size_t>(f)];
    const bool masked = result.masked(f) == result.images;
    ++(masked ? all.masked_faults : critical == 0 ? all.tolerated_faults : all.critical_faults);
  }
  all.accuracy = sums.range;
  if (result.size() == 0 || result.images == 0) return all;
  const double mean = sums.correct / sums.weight;
  double squares = 0;
  for (int64_t f = 0; f < result.size(); ++f) {
    const double difference = static_cast<double>(result.total_correct(f)) - mean;
    squares += weight[static_cast<size_t>(f)] * difference * difference;
  }
  const double percent = 100.0 / static_cast<double>(result.images);
  all.variance = squares / sums.weight * percent * percent;
  return all;
}

Collapse collapse(const Result& result) {
  Collapse sums;
  for (int64_t f = 0; f < result.size(); ++f) {
    const int32_t first = result.representatives[static_cast<size_t>(f)];
    ++(first == Result::no_effect ? sums.no_effect : first == f ? sums.classes : sums.collapsed);
    const int32_t silent = result.last_difference[static_cast<size_t>(f * (result.tensors() + 1))];
    if (first != Result::no_effect && silent == result.images) ++sums.silent;
  }
  return sums;
}

std::vector<LayerSummary> by_layer_and_level(const Result& result) {
  std::map<std::pair<int, int>, Sums> groups;
  const std::vector<double> weight = weights(result);
  for (int64_t f = 0; f < result.size(); ++f) {
    const FaultInfo& fault = info(result, f);
    add(groups[{fault.layer, fault.level}], result, f, weight[static_cast<size_t>(f)]);
  }
  std::vector<LayerSummary> rows;
  for (const auto& [key, sums] : groups) {
    const auto& [layer, level] = key;
    rows.push_back({layer, layer < 0 ? "-" : result.layer_names[static_cast<size_t>(layer)], level,
                    sums.range});
  }
  return rows;
}

std::vector<PeSummary> by_pe(const Result& result) {
  std::vector<std::string> parts;
  std::map<std::string, std::map<int, Sums>> groups;
  const std::vector<double> weight = weights(result);
  for (int64_t f = 0; f < result.size(); ++f) {
    const FaultInfo& fault = info(result, f);
    if (fault.pe < 0) continue;
    if (!groups.contains(fault.part)) parts.push_back(fault.part);
    add(groups[fault.part][fault.pe], result, f, weight[static_cast<size_t>(f)]);
  }
  std::vector<PeSummary> rows;
  for (const std::string& part : parts) {
    for (const auto& [pe, sums] : groups[part]) rows.push_back({part, pe, sums.range});
  }
  return rows;
}

std::vector<int64_t> worst_faults(const Result& result, int64_t count) {
  std::vector<int64_t> order(static_cast<size_t>(result.size()));
  std::iota(order.begin(), order.end(), 0);
  std::vector<int64_t> correct;
  for (int64_t f = 0; f < result.size(); ++f) correct.push_back(result.total_correct(f));
  const auto end = order.begin() + std::clamp<int64_t>(count, 0, result.size());
  std::partial_sort(order.begin(), end, order.end(), [&](int64_t a, int64_t b) {
    return std::pair(correct[static_cast<size_t>(a)], a) <
           std::pair(correct[static_cast<size_t>(b)], b);
  });
  order.erase(end, order.end());
  return order;
}

double confidence(const Result& result) {
  constexpr double without_sample = 0.95;
  return result.identity.sampling ? result.identity.sampling->confidence : without_sample;
}

Estimate golden_limits(const Result& result) {
  std::map<double, int64_t> predictions;
  const int64_t right = result.total_golden_correct();
  if (right < result.images) predictions[0] = result.images - right;
  if (right > 0) predictions[1] = right;
  return mean_limits(predictions, endless, confidence(result));
}

Estimate loss_limits(const Result& result, int64_t fault) {
  if (result.representatives[static_cast<size_t>(fault)] == Result::no_effect) return {};
  const int64_t net = result.total_golden_correct() - result.total_correct(fault);
  const int64_t changed = result.critical[static_cast<size_t>(fault)];
  const int64_t back_and_forth = (changed - std::abs(net)) / 2;  // from wrong to wrong is neither
  return paired_loss(std::max<int64_t>(net, 0) + back_and_forth,
                     std::max<int64_t>(-net, 0) + back_and_forth, result.images,
                     confidence(result));
}

std::vector<Estimates> estimates(const Result& result) {
  const auto images = static_cast<double>(result.images);
  const double promised = confidence(result);
  std::vector<Estimates> rows;
  std::vector<double> weights;
  Estimates all{"all", 0, 0, {}, {}, {}};
  for (const Stratum& s : result.strata) {
    std::map<double, int64_t> accuracies;
    std::map<double, int64_t> rates;
    int64_t critical_faults = 0;
    for (int64_t f = s.first; f < s.first + s.count; ++f) {
      const int32_t changed = result.critical[static_cast<size_t>(f)];
      ++accuracies[static_cast<double>(result.total_correct(f)) / images];
      ++rates[changed / images];
      critical_faults += changed > 0;
    }
    rows.push_back({s.name, s.count, s.population, mean_limits(accuracies, s.population, promised),
                    mean_limits(rates, s.population, promised),
                    share_limits(critical_faults, s.count, s.population, promised)});
    all.sampled += s.count;
    all.population += s.population;
  }
  for (const Estimates& row : rows) {
    weights.push_back(static_cast<double>(row.population) / static_cast<double>(all.population));
  }
  const auto whole = [&](Estimate Estimates::*quantity) {
    std::vector<Estimate> parts;
    for (const Estimates& row : rows) parts.push_back(row.*quantity);
    return combine(parts, weights);
  };
  all.accuracy = whole(&Estimates::accuracy);
  all.critical = whole(&Estimates::critical);
  all.critical_faults = whole(&Estimates::critical_faults);
  rows.push_back(all);
  return rows;
}

}  // namespace stuckat::campaign
