// What the result of a network means to the loss: class c's value v counts scale(c) * v + offset.
#pragma once

#include <cmath>
#include <vector>

#include "workloads/network.h"

namespace stuckat::trainer {

class ResultValues {
 public:
  /// The class map in units of its mean scale, so that values stay what they are in size.
  explicit ResultValues(const Network& network) {
    const ClassMap& map = network.class_map;
    if (map.empty()) return;
    double mean = 0;
    for (const double s : map.scale) mean += std::abs(s) / static_cast<double>(map.scale.size());
    if (mean == 0) mean = 1;
    for (size_t c = 0; c < map.scale.size(); ++c) {
      scale_.push_back(map.scale[c] / mean);
      offset_.push_back(map.offset[c] / mean);
    }
  }

  double scale(int c) const { return scale_.empty() ? 1 : scale_[static_cast<size_t>(c)]; }
  double of(int c, double value) const {
    return scale_.empty() ? value : scale(c) * value + offset_[static_cast<size_t>(c)];
  }

 private:
  std::vector<double> scale_;
  std::vector<double> offset_;
};

}  // namespace stuckat::trainer
