#include "workloads/import/exact.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace stuckat::importing {
namespace {

using boost::multiprecision::denominator;
using boost::multiprecision::numerator;

/// floor(n / d), d > 0.
Integer floor_quotient(const Integer& n, const Integer& d) {
  Integer quotient, remainder;
  boost::multiprecision::divide_qr(n, d, quotient, remainder);
  if (remainder < 0) --quotient;
  return quotient;
}

/// Whether n / d is no integer but within 1e-9 of one.
bool is_close_to_integer(const Integer& n, const Integer& d, const Integer& floor) {
  const Integer remainder = n - floor * d;
  if (remainder == 0) return false;
  constexpr int64_t billion = 1000000000;
  return remainder * billion < d || (d - remainder) * billion < d;
}

}  // namespace

Rational exact(double value) {
  assert(std::isfinite(value));
  if (value == 0.0) return 0;
  int exponent = 0;
  constexpr int digits = 53;
  const auto mantissa = static_cast<int64_t>(std::ldexp(std::frexp(value, &exponent), digits));
  exponent -= digits;
  const Integer power = Integer(1) << std::abs(exponent);
  return exponent >= 0 ? Rational(Integer(mantissa) * power) : Rational(Integer(mantissa), power);
}

double nearest(const Rational& value) { return value.convert_to<double>(); }

Integer floor_of(const Rational& value) {
  return floor_quotient(numerator(value), denominator(value));
}

bool is_integer(const Rational& value) { return denominator(value) == 1; }

void Line::multiply(const Rational& factor) {
  slope *= factor;
  offset *= factor;
  if (factor < 0) std::swap(low, high);
  if (low) *low *= factor;
  if (high) *high *= factor;
  if (factor == 0) low = high = std::nullopt;
}

void Line::add(const Rational& term) {
  offset += term;
  if (low) *low += term;
  if (high) *high += term;
}

void Line::clip(const std::optional<Rational>& from, const std::optional<Rational>& to) {
  const auto clamped = [&](const Rational& y) {
    Rational result = y;
    if (from && result < *from) result = *from;
    if (to && result > *to) result = *to;
    return result;
  };
  low = low ? std::optional(clamped(*low)) : from;
  high = high ? std::optional(clamped(*high)) : to;
}

void Line::substitute(const Rational& inner_slope, const Rational& inner_offset) {
  offset += slope * inner_offset;
  slope *= inner_slope;
}

Rational Line::at(const Rational& x) const {
  Rational y = slope * x + offset;
  if (low && y < *low) y = *low;
  if (high && y > *high) y = *high;
  return y;
}

Boundaries Boundaries::uniform(Rational scale, Rational shift, int64_t first, int64_t count,
                               Rounding rounding) {
  Boundaries result;
  result.count_ = count;
  result.first_ = first;
  result.rounding_ = rounding;
  result.step_ = scale;
  result.start_ = scale * (Rational(first) - shift);
  const Rational half(1, 2);
  switch (rounding) {
    case Rounding::half_even:
    case Rounding::half_away:
    case Rounding::half_toward_zero:
      result.start_ -= scale * half;
      break;
    case Rounding::ceiling:
      result.start_ -= scale;
      break;
    case Rounding::floor:
      break;
    case Rounding::up:
    case Rounding::down: {
      // Away from 0 is the ceiling above 0 and the floor below it: no one grid.
      std::vector<Rational> values;
      for (int64_t i = 0; i < count; ++i) {
        const int64_t level = first + i;
        const bool ceiling = (rounding == Rounding::up) == (level > 0);
        values.push_back(scale * (Rational(ceiling ? level - 1 : level) - shift));
      }
      result.listed_ = std::move(values);
      break;
    }
  }
  return result;
}

Boundaries Boundaries::listed(std::vector<Rational> values) {
  Boundaries result;
  std::sort(values.begin(), values.end());
  result.count_ = static_cast<int64_t>(values.size());
  result.listed_ = std::move(values);
  return result;
}

bool Boundaries::inclusive(int64_t i) const {
  const int64_t level = first_ + i;
  switch (rounding_) {
    case Rounding::half_even:
      return level % 2 == 0;
    case Rounding::half_away:
      return level > 0;
    case Rounding::half_toward_zero:
      return level <= 0;
    case Rounding::up:
      return level <= 0;
    case Rounding::down:
      return level > 0;
    case Rounding::ceiling:
      return false;
    case Rounding::floor:
      return true;
  }
  return true;
}

int64_t Boundaries::reached(const Rational& y) const {
  int64_t low = 0;
  int64_t high = count_;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const Rational at = value(middle);
    if (y > at || (y == at && inclusive(middle))) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::vector<Integer> Boundaries::thresholds(const Line& line, int64_t from, int64_t to,
                                            bool& is_close) const {
  assert(line.slope > 0);
  std::vector<Integer> result;
  result.reserve(static_cast<size_t>(std::max<int64_t>(0, to - from)));
  const Rational zeroth = (value(0) - line.offset) / line.slope;
  const Rational step = listed_.empty() ? Rational(step_ / line.slope) : Rational(0);
  // (n + i * s) / d
  const Integer common = denominator(zeroth) * denominator(step);
  const Integer first = numerator(zeroth) * denominator(step);
  const Integer stride = numerator(step) * denominator(zeroth);
  for (int64_t i = from; i < to; ++i) {
    Integer n, d;
    if (listed_.empty()) {
      n = first + stride * i;
      d = common;
    } else {
      const Rational x = (value(i) - line.offset) / line.slope;
      n = numerator(x);
      d = denominator(x);
    }
    Integer floor = floor_quotient(n, d);
    if (line.is_rounded && is_close_to_integer(n, d, floor)) is_close = true;
    if (inclusive(i) && floor * d == n) --floor;  // reached at the integer itself
    result.push_back(std::move(floor));
  }
  return result;
}

void set_thresholds(Layer& layer, int row, const Line& line, const Boundaries& boundaries,
                    int64_t below, bool& is_close) {
  assert(line.slope >= 0);
  const auto count = int64_t{layer.output_format.thresholds()};
  layer.thresholds.resize(static_cast<size_t>(layer.rows() * count));
  int32_t* const out = layer.thresholds.data() + row * count;
  const auto [least, greatest] = layer.kind->sums_between(layer);
  const int64_t always = least - 1;
  const int64_t never = greatest;
  // Boundaries that the clips put out of reach on either side.
  int64_t from = line.low ? boundaries.reached(*line.low) : 0;
  int64_t to = line.high ? boundaries.reached(*line.high) : boundaries.count();
  if (line.slope == 0) from = to = boundaries.reached(line.at(0));
  const int64_t first = std::max(from, -below);  // of those that the format has
  const int64_t last = std::min(to, count - below);
  std::vector<Integer> found;
  if (first < last) found = boundaries.thresholds(line, first, last, is_close);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t level = i - below;  // boundary of threshold i
    if (level < from) {
      out[i] = static_cast<int32_t>(always);
    } else if (level >= to) {
      out[i] = static_cast<int32_t>(never);
    } else {
      const Integer& t = found[static_cast<size_t>(level - first)];
      out[i] = t < always  ? static_cast<int32_t>(always)
               : t > never ? static_cast<int32_t>(never)
                           : t.convert_to<int32_t>();
    }
  }
}

std::pair<int64_t, int64_t> reachable_sums(const Layer& layer, int row) {
  if (!layer.has_weights() || layer.is_xnor()) return layer.kind->sums_between(layer);
  const int8_t* const weights = layer.weight_row(row);
  int64_t low = 0;
  int64_t high = 0;
  const int64_t least = layer.input_format.min_level();
  const int64_t greatest = layer.input_format.max_level();
  const bool padded = layer.padding != Padding(0);
  for (int i = 0; i < layer.columns(); ++i) {
    int64_t a = weights[i] * least;
    int64_t b = weights[i] * greatest;
    if (a > b) std::swap(a, b);
    low += padded ? std::min<int64_t>(a, 0) : a;
    high += padded ? std::max<int64_t>(b, 0) : b;
  }
  return {low, high};
}

}  // namespace stuckat::importing
