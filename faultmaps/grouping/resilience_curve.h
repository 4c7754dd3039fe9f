// E(f): how much retraining a chip of fault rate f needs (Reduce, Hanif and Shafique 2023: from
// resilience to the amount of each chip).
#pragma once

#include <cstdint>
#include <vector>

namespace stuckat::grouping {

class ResilienceCurve {
 public:
  struct Point {
    double rate = 0;     ///< above 0, at most 1
    int64_t images = 0;  ///< that retraining sees before the constraint holds
    bool operator==(const Point&) const = default;
  };
  /// No amount is known to do: the constraint cannot be met.
  static constexpr int64_t never = int64_t{1} << 60;

  /// Points of ascending rate, amounts that do not fall. None: no broken chip meets the constraint.
  /// Throws InputError.
  explicit ResilienceCurve(std::vector<Point> points);

  /// 0 at rate 0, which is the network itself. [choice] Linear between points, rounded up to whole
  /// images; below the first point its amount; `never` beyond the last.
  int64_t images(double rate) const;
  /// f_max: the greatest rate at which the constraint can be met; 0 without points.
  double greatest_rate() const { return points_.empty() ? 0 : points_.back().rate; }
  /// e0: what the least broken chip needs, which two chips that share a network need only once.
  int64_t fixed_part() const { return points_.empty() ? 0 : points_.front().images; }
  int64_t greatest_amount() const { return points_.empty() ? 0 : points_.back().images; }
  const std::vector<Point>& points() const { return points_; }

  /// What `chips` independent chips of this rate save by sharing a network, at the expected rate of
  /// their union, 1-(1-f)^n: n*E(f) - E(that). Negative where E is not sub-additive; -never where
  /// the union is beyond f_max.
  int64_t saving(double rate, int chips) const;

 private:
  std::vector<Point> points_;
};

}  // namespace stuckat::grouping
