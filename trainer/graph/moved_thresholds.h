// How a layer learns whose thresholds came with the network and not from a batch-norm: an imported
// one. A sum s counts as gamma * s + beta * width of the row before it meets the thresholds, which
// stay as they are: with gamma 1 and beta 0 the layer is the imported one, bit for bit, whatever
// rounding its thresholds hold.
#pragma once

#include <cstdint>
#include <vector>

#include "trainer/batch_norm.h"
#include "trainer/model.h"

namespace stuckat::trainer {

struct MovedRow {
  std::vector<int32_t> thresholds;  ///< on sums of weight * activation
  std::vector<double> edges;        ///< the same on real sums: half a unit above
  double width = 0;                 ///< sums that a real value of 1 takes; 0: the row is constant
  double low = 1;                   ///< of the sums where the gradient passes
  double high = 0;
};
/// gamma must be above 0. Thresholds that no sum can reach, or that every sum is above, stay.
MovedRow moved_row(const Layer& layer, int row, double gamma, double beta);

/// In the place of BatchNorm.
class MovedThresholds {
 public:
  /// real: the steps get edges as well as thresholds.
  void set(const Layer& layer, const LayerParameters& parameters, bool real, MultiThreshold& steps);
  const PassBand& band() const { return band_; }
  BatchNormBackward backward(const LayerParameters& parameters, const BatchNorm::Passed& passed,
                             std::vector<float>& gamma_gradient,
                             std::vector<float>& beta_gradient) const;

 private:
  PassBand band_;
  std::vector<double> width_;  // [row]
};

}  // namespace stuckat::trainer
