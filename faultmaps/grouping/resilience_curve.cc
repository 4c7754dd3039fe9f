#include "faultmaps/grouping/resilience_curve.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "workloads/errors.h"

namespace stuckat::grouping {

ResilienceCurve::ResilienceCurve(std::vector<Point> points) : points_(std::move(points)) {
  const Point* before = nullptr;
  for (const Point& p : points_) {
    const std::string at = "point at rate " + std::to_string(p.rate);
    if (!(p.rate > (before == nullptr ? 0 : before->rate) && p.rate <= 1)) {
      throw InputError("resilience curve", at, "ascending rates above 0, at most 1");
    }
    if (p.images < (before == nullptr ? 0 : before->images) || p.images >= never) {
      throw InputError("resilience curve", at + " with " + std::to_string(p.images) + " images",
                       "amounts from 0 that do not fall");
    }
    before = &p;
  }
}

int64_t ResilienceCurve::images(double rate) const {
  if (rate <= 0) return 0;
  const auto after = std::lower_bound(points_.begin(), points_.end(), rate,
                                      [](const Point& p, double f) { return p.rate < f; });
  if (after == points_.end()) return never;
  if (after == points_.begin() || after->rate == rate) return after->images;
  const Point& a = *(after - 1);
  const double share = (rate - a.rate) / (after->rate - a.rate);
  const double more = std::ceil(share * static_cast<double>(after->images - a.images));
  return std::min(a.images + static_cast<int64_t>(more), after->images);
}

int64_t ResilienceCurve::saving(double rate, int chips) const {
  const int64_t together = images(1 - std::pow(1 - rate, chips));
  return together == never ? -never : chips * images(rate) - together;
}

}  // namespace stuckat::grouping
