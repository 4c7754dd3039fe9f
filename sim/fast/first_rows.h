// Broken rows of a layer of LayerPath::first: at all output pixels at once, what a fault changes is
// added to the row's fault-free sums.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/effects.h"
#include "sim/fast/aligned_vector.h"
#include "sim/fast/fault_program.h"
#include "sim/fast/packed_layer.h"
#include "sim/fast/pixel_set.h"

namespace stuckat::fast {

class FirstRows {
 public:
  FirstRows() = default;
  explicit FirstRows(const Layer& of, const PackedLayer& layer);

  bool empty() const { return layer_ == nullptr; }
  static bool fits(const Layer& of, const PackedLayer& layer) {
    return layer.path == LayerPath::first && layer.stride == 1 && of.input_format.bits <= 8;
  }
  /// Patched parameters, or one broken lane of a systolic array at every output pixel.
  static bool holds(const SpecialRow& row, const Effects& effects, int64_t image_index);

  /// The layer's fault-free input.
  void load(const Tensor& image);

  /// Where comparators of the row switch; its channel does not differ anywhere yet.
  void change(const SpecialRow& row, const Effects& effects, const TensorLayout& output,
              uint64_t* diff, PixelSet& changed);

 private:
  using Sums = AlignedVector<int32_t>;  // [count_]: output pixel (y, x) at y * padded width + x

  const int16_t* plane(int column) const;
  const Sums& right_sums(int row);
  void add_change_of_lane(const OperatorFault& fault, int row, Sums& sums);

  const Layer* of_ = nullptr;
  const PackedLayer* layer_ = nullptr;
  size_t count_ = 0;       // of sums: some lie beyond the output's right edge and mean nothing
  size_t plane_size_ = 0;  // with room for the windows of those
  AlignedVector<int16_t> planes_;  // [channel][plane_size_]: the padded image, row after row
  std::vector<Sums> right_;        // [row], of this image; empty until asked for
  Sums sums_;
  Sums before_;
  std::vector<uint64_t> right_bits_;
  std::vector<uint64_t> bits_;
};

}  // namespace stuckat::fast
