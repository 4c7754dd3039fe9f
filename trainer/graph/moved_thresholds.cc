#include "trainer/graph/moved_thresholds.h"

#include <algorithm>
#include <cmath>

#include "trainer/fault_positions.h"

namespace stuckat::trainer {
namespace {

int32_t whole(double x, int32_t low, int32_t high) {
  return static_cast<int32_t>(
      std::floor(std::clamp(x, static_cast<double>(low), static_cast<double>(high))));
}

}  // namespace

MovedRow moved_row(const Layer& layer, int row, double gamma, double beta) {
  MovedRow result;
  const int count = layer.thresholds_per_row();
  const auto never = static_cast<int32_t>(sum_of(layer, layer.accumulator_max()));
  const auto always = static_cast<int32_t>(sum_of(layer, int64_t{layer.accumulator_min()} - 1));
  std::vector<int32_t> given;
  for (int k = 0; k < count; ++k) {
    given.push_back(static_cast<int32_t>(sum_of(layer, layer.threshold_row(row)[k])));
  }
  const auto moves = [&](int32_t t) { return t > always && t < never; };
  const auto first = std::find_if(given.begin(), given.end(), moves);
  const auto last = std::find_if(given.rbegin(), given.rend(), moves);
  double level = 0;  // sums from one level to the next
  if (first != given.end()) {
    const auto steps = static_cast<double>(last.base() - first - 1);
    level = steps > 0 ? (static_cast<double>(*last) - *first) / steps : 0;
    // One threshold, or all the same one: any slope will do.
    if (level <= 0) level = std::max(1.0, static_cast<double>(sum_bound(layer)) / 16);
    const NumberFormat format = layer.output_format;
    const double height = format.kind == FormatKind::binary ? 2 : 1;
    result.width = level * format.max_level() / height;
    const double shift = beta * result.width;
    result.low = (*first + 0.5 - level / 2 - shift) / gamma;
    result.high = (*last + 0.5 + level / 2 - shift) / gamma;
  }
  for (const int32_t t : given) {
    const double edge = moves(t) ? (t + 0.5 - beta * result.width) / gamma : t + 0.5;
    result.edges.push_back(edge);
    result.thresholds.push_back(whole(edge, always, never));
  }
  return result;
}

void MovedThresholds::set(const Layer& layer, const LayerParameters& parameters, bool real,
                          MultiThreshold& steps) {
  const auto rows = static_cast<size_t>(layer.rows());
  steps.thresholds.clear();
  steps.edges.clear();
  band_ = {std::vector<float>(rows), std::vector<float>(rows), std::vector<float>(rows)};
  width_.assign(rows, 0);
  const bool fixed = parameters.gamma.size() != rows;  // those of a result: training.md
  for (size_t r = 0; r < rows; ++r) {
    const MovedRow row = moved_row(layer, static_cast<int>(r), fixed ? 1 : parameters.gamma[r],
                                   fixed ? 0 : parameters.beta[r]);
    steps.thresholds.insert(steps.thresholds.end(), row.thresholds.begin(), row.thresholds.end());
    if (real) {
      for (const double edge : row.edges) steps.edges.push_back(static_cast<float>(edge));
    }
    band_.low[r] = static_cast<float>(row.low);
    band_.high[r] = static_cast<float>(row.high);
    width_[r] = row.width;
  }
}

BatchNormBackward MovedThresholds::backward(const LayerParameters& parameters,
                                            const BatchNorm::Passed& passed,
                                            std::vector<float>& gamma_gradient,
                                            std::vector<float>& beta_gradient) const {
  const size_t rows = width_.size();
  const bool fixed = parameters.gamma.size() != rows;
  BatchNormBackward k;
  for (auto* values : {&k.scale, &k.offset, &k.slope, &k.mean}) values->assign(rows, 0.0f);
  if (!fixed) {
    gamma_gradient.resize(rows);
    beta_gradient.resize(rows);
  }
  for (size_t r = 0; r < rows; ++r) {
    const auto [s, d] = passed.of_row(r, rows);
    const double by_sum = width_[r] > 0 ? 1 / width_[r] : 0;
    k.scale[r] = static_cast<float>((fixed ? 1 : parameters.gamma[r]) * by_sum);
    if (fixed) continue;
    gamma_gradient[r] = static_cast<float>(d * by_sum);
    beta_gradient[r] = static_cast<float>(s);
  }
  return k;
}

}  // namespace stuckat::trainer
