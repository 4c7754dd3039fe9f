#include "sim/fast/levels/activation.h"

#include <algorithm>
#include <cmath>

namespace stuckat::fast {
namespace {

constexpr int most_counted = 15;

/// Which of the counts 1 .. n are reached within the row's sums: first+1 .. last.
struct Steps {
  int first;
  int last;
};

/// Offsets b for which slope*sum + b is below i at threshold i and not below it one above.
struct Offsets {
  double least;
  double greatest;  // itself not among them
};

Offsets offsets(const RowThresholds& row, Steps steps, double slope) {
  Offsets result{-HUGE_VAL, HUGE_VAL};
  for (int i = steps.first + 1; i <= steps.last; ++i) {
    const double t = row.ascending[static_cast<size_t>(i - 1)];
    result.least = std::max(result.least, i - slope * (t + 1));
    result.greatest = std::min(result.greatest, i - slope * t);
  }
  return result;
}

double room(const RowThresholds& row, Steps steps, double slope) {
  const Offsets o = offsets(row, steps, slope);
  return o.greatest - o.least;
}

/// The slope that leaves most room for the offset: room() is concave in it.
double best_slope(const RowThresholds& row, Steps steps) {
  if (steps.last - steps.first < 2) return 1;
  const double rise = steps.last - steps.first - 1;
  const double width = static_cast<double>(row.ascending[static_cast<size_t>(steps.last - 1)]) -
                       row.ascending[static_cast<size_t>(steps.first)];
  constexpr int narrowings = 60;
  double low = rise / (width + 1);
  double high = rise / std::max(0.25, width - 1);
  for (int i = 0; i < narrowings; ++i) {
    const double third = (high - low) / 3;
    if (room(row, steps, low + third) < room(row, steps, high - third))
      low += third;
    else
      high -= third;
  }
  return (low + high) / 2;
}

/// What the kernels make of a line, product and sum rounded together or apart.
bool gives(const Line& line, int64_t sum, int count) {
  const auto s = static_cast<float>(sum);
  volatile float product = line.slope * s;  // rounded: no compiler may contract
  const float apart = product + line.offset;
  const float together = std::fma(line.slope, s, line.offset);
  const auto level = [&](float x) {
    return static_cast<int>(std::min(std::max(x, line.lowest), line.highest));
  };
  return level(apart) == count && level(together) == count;
}

}  // namespace

int RowThresholds::count(int64_t sum) const {
  return static_cast<int>(std::lower_bound(ascending.begin(), ascending.end(), sum) -
                          ascending.begin());
}

std::optional<Line> fit_line(const RowThresholds& row) {
  const Steps steps{row.count(row.least), row.count(row.greatest)};
  Line line;
  line.lowest = static_cast<float>(steps.first);
  line.highest = static_cast<float>(steps.last);
  if (steps.first == steps.last) {
    line.offset = line.lowest;
  } else {
    const double slope = best_slope(row, steps);
    const Offsets o = offsets(row, steps, slope);
    if (!(o.least < o.greatest)) return {};
    line.slope = static_cast<float>(slope);
    line.offset = static_cast<float>((o.least + o.greatest) / 2);
  }
  bool exact = line.slope >= 0 && gives(line, row.least, steps.first) &&
               gives(line, row.greatest, steps.last);
  for (int i = steps.first; i < steps.last && exact; ++i) {
    const int64_t t = row.ascending[static_cast<size_t>(i)];
    exact = gives(line, t, row.count(t)) && gives(line, t + 1, row.count(t + 1));
  }
  return exact ? std::optional<Line>(line) : std::nullopt;
}

Activation::Activation(const std::vector<RowThresholds>& rows, int first_level)
    : thresholds_(static_cast<int>(rows.front().ascending.size())), first_level_(first_level) {
  const size_t slots = rows.size();
  const size_t n = rows.front().ascending.size();
  for (const RowThresholds& row : rows) {
    sorted_.insert(sorted_.end(), row.ascending.begin(), row.ascending.end());
  }
  if (thresholds_ <= most_counted) {
    ways_.assign(slots / block_rows, Way::count);
    counted_.resize(slots * n);
    for (size_t slot = 0; slot < slots; ++slot) {
      for (size_t t = 0; t < n; ++t) counted_[t * slots + slot] = rows[slot].ascending[t];
    }
    return;
  }
  for (auto* numbers : {&slopes_, &offsets_, &lowest_, &highest_}) numbers->resize(slots);
  for (size_t first = 0; first < slots; first += block_rows) {
    Way way = Way::line;
    for (size_t slot = first; slot < first + block_rows && way == Way::line; ++slot) {
      const std::optional<Line> line = fit_line(rows[slot]);
      if (!line) way = Way::search;
      if (!line) continue;
      slopes_[slot] = line->slope;
      offsets_[slot] = line->offset;
      lowest_[slot] = line->lowest;
      highest_[slot] = line->highest;
    }
    ways_.push_back(way);
  }
}

int Activation::level(int slot, int32_t sum) const {
  const auto begin = sorted_.begin() + std::ptrdiff_t{slot} * thresholds_;
  return first_level_ +
         static_cast<int>(std::lower_bound(begin, begin + thresholds_, sum) - begin);
}

}  // namespace stuckat::fast
