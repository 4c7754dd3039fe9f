#include "sim/fast/levels/activation.h"

#include <algorithm>
#include <cmath>

namespace stuckat::fast {
namespace {

constexpr int most_counted = 15;
constexpr size_t most_lines = 4;

/// Which of the counts 1 .. n are reached within the row's sums: first+1 .. last.
struct Reached {
  int first;
  int last;
};

/// Offsets b for which slope*sum + b is below i at threshold i and not below it one above.
struct Offsets {
  double least;
  double greatest;  // itself not among them
};

Offsets offsets(const RowThresholds& row, Reached reached, double slope) {
  Offsets result{-HUGE_VAL, HUGE_VAL};
  for (int i = reached.first + 1; i <= reached.last; ++i) {
    const double t = row.ascending[static_cast<size_t>(i - 1)];
    result.least = std::max(result.least, i - slope * (t + 1));
    result.greatest = std::min(result.greatest, i - slope * t);
  }
  return result;
}

double room(const RowThresholds& row, Reached reached, double slope) {
  const Offsets o = offsets(row, reached, slope);
  return o.greatest - o.least;
}

/// The slope that leaves most room for the offset: room() is concave in it.
double best_slope(const RowThresholds& row, Reached reached) {
  if (reached.last - reached.first < 2) return 1;
  const double rise = reached.last - reached.first - 1;
  const double width = static_cast<double>(row.ascending[static_cast<size_t>(reached.last - 1)]) -
                       row.ascending[static_cast<size_t>(reached.first)];
  constexpr int narrowings = 50;
  double low = rise / (width + 1);
  double high = rise / std::max(0.25, width - 1);
  for (int i = 0; i < narrowings; ++i) {
    const double third = (high - low) / 3;
    if (room(row, reached, low + third) < room(row, reached, high - third))
      low += third;
    else
      high -= third;
  }
  return (low + high) / 2;
}

/// What the kernels make of a line, product and sum rounded together or apart, is the count, or off
/// by `most_off`.
bool gives(const Line& line, int64_t sum, int count, int most_off) {
  const auto s = static_cast<double>(sum);
  volatile double product = line.slope * s;  // rounded: no compiler may contract
  const double apart = product + line.offset;
  const double together = std::fma(line.slope, s, line.offset);
  const auto agrees = [&](double x) {
    return std::abs(x) < INT32_MAX &&
           std::abs(std::clamp(static_cast<int32_t>(x), line.lowest, line.highest) - count) <=
               most_off;
  };
  return agrees(apart) && agrees(together);
}

/// The line with most room, even if there is none; taken if it is nowhere off by more.
std::optional<Line> fit_line(const RowThresholds& row, int most_off) {
  const Reached reached{row.count(row.least), row.count(row.greatest)};
  Line line;
  line.lowest = reached.first;
  line.highest = reached.last;
  if (reached.first == reached.last) {
    line.offset = line.lowest;
  } else {
    line.slope = best_slope(row, reached);
    const Offsets o = offsets(row, reached, line.slope);
    if (most_off == 0 && !(o.least < o.greatest)) return {};
    line.offset = (o.least + o.greatest) / 2;
  }
  bool right = line.slope >= 0 && gives(line, row.least, reached.first, most_off) &&
               gives(line, row.greatest, reached.last, most_off);
  for (int i = reached.first; i < reached.last && right; ++i) {
    const int64_t t = row.ascending[static_cast<size_t>(i)];
    right =
        gives(line, t, row.count(t), most_off) && gives(line, t + 1, row.count(t + 1), most_off);
  }
  return right ? std::optional<Line>(line) : std::nullopt;
}

/// Beyond what the row's sums reach, lines that rise from none of its thresholds to all of them are
/// right as well.
std::pair<int32_t, int32_t> lines_hold(const RowThresholds& row) {
  const bool from_none = row.count(row.least) == 0;
  const bool to_all = row.count(row.greatest) == static_cast<int>(row.ascending.size());
  return {from_none ? INT32_MIN : static_cast<int32_t>(row.least),
          to_all ? INT32_MAX : static_cast<int32_t>(row.greatest)};
}

}  // namespace

int RowThresholds::count(int64_t sum) const {
  return static_cast<int>(std::lower_bound(ascending.begin(), ascending.end(), sum) -
                          ascending.begin());
}

std::optional<Line> fit_line(const RowThresholds& row) { return fit_line(row, 0); }

std::optional<Line> near_line(const RowThresholds& row) { return fit_line(row, 1); }

std::vector<Line> fit_lines(const RowThresholds& row, size_t most) {
  std::vector<Line> lines;
  const auto of = [&](size_t begin, size_t end) {
    return fit_line({{row.ascending.begin() + static_cast<std::ptrdiff_t>(begin),
                      row.ascending.begin() + static_cast<std::ptrdiff_t>(end)},
                     row.least,
                     row.greatest});
  };
  for (size_t begin = 0; begin < row.ascending.size();) {
    if (lines.size() == most) return {};
    // The most thresholds that have a line: fewer of them have one too.
    size_t fits = begin;
    size_t end = row.ascending.size();
    std::optional<Line> best;
    for (size_t next = end; fits < end; next = (fits + end + 1) / 2) {
      if (const auto line = of(begin, next)) {
        best = line;
        fits = next;
      } else {
        end = next - 1;
      }
    }
    if (!best) return {};
    lines.push_back(*best);
    begin = fits;
  }
  return lines;
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
  slopes_.resize(most_lines * slots);
  offsets_.resize(most_lines * slots);
  lowest_.resize(most_lines * slots);
  highest_.resize(most_lines * slots);
  for (const RowThresholds& row : rows) within_.push_back(lines_hold(row));
  const auto keep = [&](size_t at, const Line& line) {
    slopes_[at] = line.slope;
    offsets_[at] = line.offset;
    lowest_[at] = line.lowest;
    highest_[at] = line.highest;
  };
  const auto by_lines = [&](size_t first) {
    size_t most = 1;
    for (size_t slot = first; slot < first + block_rows; ++slot) {
      const std::vector<Line> lines = fit_lines(rows[slot], most_lines);
      if (lines.empty()) return size_t{0};
      most = std::max(most, lines.size());
      for (size_t i = 0; i < lines.size(); ++i) keep(i * slots + slot, lines[i]);
    }
    return most;
  };
  const auto near = [&](size_t first) {
    for (size_t slot = first; slot < first + block_rows; ++slot) {
      const std::optional<Line> line = near_line(rows[slot]);
      if (!line) return false;
      keep(slot, *line);
    }
    return true;
  };
  for (size_t first = 0; first < slots; first += block_rows) {
    const size_t most = by_lines(first);
    lines_.push_back(static_cast<int>(std::max(size_t{1}, most)));
    ways_.push_back(most > 0 ? Way::lines : near(first) ? Way::near : Way::search);
  }
  if (std::find(ways_.begin(), ways_.end(), Way::near) == ways_.end()) return;
  for (const RowThresholds& row : rows) {
    enclosed_.push_back(INT32_MIN);
    enclosed_.insert(enclosed_.end(), row.ascending.begin(), row.ascending.end());
    enclosed_.push_back(INT32_MAX);
  }
}

int Activation::level(int slot, int32_t sum) const {
  const auto begin = sorted_.begin() + std::ptrdiff_t{slot} * thresholds_;
  return first_level_ + static_cast<int>(std::lower_bound(begin, begin + thresholds_, sum) - begin);
}

}  // namespace stuckat::fast
