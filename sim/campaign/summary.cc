#include "sim/campaign/summary.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace stuckat::campaign {
namespace {

/// Faults are added in ascending order.
void add(AccuracyRange& range, const Result& result, int64_t fault) {
  const double accuracy = result.accuracy(fault);
  if (range.faults == 0 || accuracy < range.min) {
    range.min = accuracy;
    range.worst = fault;
  }
  range.max = range.faults == 0 ? accuracy : std::max(range.max, accuracy);
  ++range.faults;
  range.mean += (accuracy - range.mean) / static_cast<double>(range.faults);
}

const FaultInfo& info(const Result& result, int64_t fault) {
  return result.faults[static_cast<size_t>(fault)];
}

}  // namespace

Overall overall(const Result& result) {
  Overall all;
  // Sums of integers: exact, and the same in whatever order.
  int64_t sum = 0;
  double squares = 0;
  for (int64_t f = 0; f < result.size(); ++f) {
    add(all.accuracy, result, f);
    sum += result.total_correct(f);
    const int64_t critical = result.critical[static_cast<size_t>(f)];
    const bool masked = result.masked(f) == result.images;
    ++(masked ? all.masked_faults : critical == 0 ? all.tolerated_faults : all.critical_faults);
  }
  if (result.size() == 0 || result.images == 0) return all;
  const double mean = static_cast<double>(sum) / static_cast<double>(result.size());
  for (int64_t f = 0; f < result.size(); ++f) {
    const double difference = static_cast<double>(result.total_correct(f)) - mean;
    squares += difference * difference;
  }
  const double percent = 100.0 / static_cast<double>(result.images);
  all.accuracy.mean = mean * percent;
  all.variance = squares / static_cast<double>(result.size()) * percent * percent;
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
  std::map<std::pair<int, int>, AccuracyRange> groups;
  for (int64_t f = 0; f < result.size(); ++f) {
    add(groups[{info(result, f).layer, info(result, f).level}], result, f);
  }
  std::vector<LayerSummary> rows;
  for (const auto& [key, range] : groups) {
    const auto& [layer, level] = key;
    rows.push_back(
        {layer, layer < 0 ? "-" : result.layer_names[static_cast<size_t>(layer)], level, range});
  }
  return rows;
}

std::vector<PeSummary> by_pe(const Result& result) {
  std::vector<std::string> parts;
  std::map<std::string, std::map<int, AccuracyRange>> groups;
  for (int64_t f = 0; f < result.size(); ++f) {
    const FaultInfo& fault = info(result, f);
    if (fault.pe < 0) continue;
    if (!groups.contains(fault.part)) parts.push_back(fault.part);
    add(groups[fault.part][fault.pe], result, f);
  }
  std::vector<PeSummary> rows;
  for (const std::string& part : parts) {
    for (const auto& [pe, range] : groups[part]) rows.push_back({part, pe, range});
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

std::vector<Estimates> estimates(const Result& result) {
  const double confidence = result.identity.sampling ? result.identity.sampling->confidence : 0.99;
  const auto images = static_cast<double>(result.images);
  std::vector<Estimates> rows;
  std::vector<double> weights;
  Estimates all{"all", 0, 0, {}, {}, {}};
  for (const Stratum& s : result.strata) {
    double correct = 0;
    double critical = 0;
    double critical_faults = 0;
    for (int64_t f = s.first; f < s.first + s.count; ++f) {
      const int32_t changed = result.critical[static_cast<size_t>(f)];
      correct += static_cast<double>(result.total_correct(f));
      critical += changed;
      critical_faults += changed > 0;
    }
    const auto n = static_cast<double>(s.count);
    const auto interval = [&](double mean) {
      return wilson(mean, s.count, s.population, confidence);
    };
    rows.push_back({s.name, s.count, s.population, interval(correct / (n * images)),
                    interval(critical / (n * images)), interval(critical_faults / n)});
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
