// Detectors that correct nothing: ranges on accumulators and the checksum of a layer (ABFT). What
// they see is measured, image by image.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "faultmaps/effects.h"
#include "sim/fast/packed_network.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::protect {

/// What detectors said on some images, by what the fault did to the prediction.
struct Detection {
  int64_t images = 0;
  int64_t critical = 0;           ///< the prediction changed
  int64_t critical_by_range = 0;  ///< of these, those in which a range check speaks
  int64_t critical_by_checksum = 0;
  int64_t by_range = 0;  ///< all images in which it speaks
  int64_t by_checksum = 0;

  void add(const Detection& other);
};

/// Both watch the sums of the layers that a fault is in, before thresholds, at every output pixel:
///   range:    a sum beyond the least and greatest of its layer on the images of a calibration;
///   checksum: the sums of all rows of a pixel do not add up to that of one more row whose weights
///             are the sums of the columns (Huang and Abraham 1984). It reads the operands that all
///             rows read: what is wrong for all of them alike it does not see, nor what breaks
///             after the sums (thresholds, comparators, output codes, streams).
class Detectors {
 public:
  /// Calibrates the ranges on the first `images` images. Throws InputError for a network that
  /// sim/fast does not compute.
  Detectors(const Network& network, const DataSet& calibration, int images);

  /// Least and greatest sum of a layer with weights on those images.
  std::pair<int32_t, int32_t> range(int layer) const { return ranges_.at(layer); }
  /// The first `images` images of `data` under a fault, by the reference: slow, exact.
  Detection watch(const Effects& effects, const DataSet& data, int images) const;

 private:
  fast::PackedNetwork packed_;
  std::map<int, std::pair<int32_t, int32_t>> ranges_;
};

/// The sums of a layer for one image, before thresholds, as broken hardware computes them:
/// [pixel][row]. `input`: what the layer reads.
std::vector<int32_t> layer_sums(const Network& network, int layer, const Effects& effects,
                                const Tensor& input, int64_t image_index);

}  // namespace stuckat::protect
