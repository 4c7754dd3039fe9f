// Exact arithmetic of what lies between a sum and a quantizer: rationals of the file's floats, so
// that a threshold is rounded once, at the end. Inside workloads/import only.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "workloads/network.h"

namespace stuckat::importing {

using Integer = boost::multiprecision::cpp_int;
using Rational = boost::multiprecision::cpp_rational;

/// The exact value of a finite double.
Rational exact(double value);
double nearest(const Rational& value);
Integer floor_of(const Rational& value);
bool is_integer(const Rational& value);

/// y = clamp(slope * x + offset, low, high): what a chain of scales, batch-norms, biases, ReLUs and
/// clips makes of a sum or level x. Any such chain is one of these.
struct Line {
  Rational slope = 1;
  Rational offset = 0;
  std::optional<Rational> low;
  std::optional<Rational> high;
  bool is_rounded = false;  ///< a parameter was rounded to double (the root of a variance)

  void multiply(const Rational& factor);
  void add(const Rational& term);
  void clip(const std::optional<Rational>& from, const std::optional<Rational>& to);
  /// y as a function of another x: x = inner.slope * x' + inner.offset; inner has no clips.
  void substitute(const Rational& inner_slope, const Rational& inner_offset);
  Rational at(const Rational& x) const;
  bool operator==(const Line&) const = default;
};

/// How a quantizer rounds a value to an integer.
enum class Rounding : uint8_t {
  half_even,
  half_away,         ///< HALF_UP
  half_toward_zero,  ///< HALF_DOWN
  up,                ///< away from 0
  down,              ///< towards 0
  ceiling,
  floor,
};

/// The values at which the levels of an activation are reached, ascending.
class Boundaries {
 public:
  /// Level number i+1 is reached where round(y / scale + shift) >= first + i, scale > 0.
  static Boundaries uniform(Rational scale, Rational shift, int64_t first, int64_t count,
                            Rounding rounding);
  /// Level i+1 is reached at y >= values[i]; sorted here.
  static Boundaries listed(std::vector<Rational> values);

  int64_t count() const { return count_; }
  /// How many are reached at y.
  int64_t reached(const Rational& y) const;
  /// stuckat's threshold of boundary i on y = line(x), line.slope > 0: the greatest integer x that
  /// does not reach it. `is_close` is set where a rounded line comes within 1e-9 of an integer.
  std::vector<Integer> thresholds(const Line& line, int64_t from, int64_t to, bool& is_close) const;

 private:
  Rational value(int64_t i) const {
    return listed_.empty() ? start_ + step_ * i : listed_[static_cast<size_t>(i)];
  }
  bool inclusive(int64_t i) const;

  int64_t count_ = 0;
  Rational start_, step_ = 1;  // boundary i at start_ + i * step_
  int64_t first_ = 0;
  Rounding rounding_ = Rounding::floor;
  std::vector<Rational> listed_;
};

/// Row `row` of `layer` gives level number boundaries.reached(line(sum)), with `below` levels of
/// the format under it that are never given, and as many above as the format has more. The slope
/// must not be negative.
void set_thresholds(Layer& layer, int row, const Line& line, const Boundaries& boundaries,
                    int64_t below, bool& is_close);

/// The least and greatest sum of a row over inputs that quantizers emit, by its weights.
std::pair<int64_t, int64_t> reachable_sums(const Layer& layer, int row);

}  // namespace stuckat::importing
