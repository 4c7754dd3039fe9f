// What one input channel adds to every row of a convolution, looked up by the bits under a window.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "sim/fast/aligned_vector.h"
#include "sim/fast/packed_layer.h"

namespace stuckat::fast {

/// For one channel: sums of its weight columns for each row ky of the window and each pattern of
/// kernel_width bits: [kernel_height][2^kernel_width][rows_padded]. Both stuck values of a binary
/// channel, and all levels of a wider one, follow from the same sum.
class ChannelTable {
 public:
  ChannelTable(const PackedLayer& layer, int channel);

  /// Can the layer's windows be looked up, with differences that fit 8 bits? `variable_planes`:
  /// planes of the input that are not always set.
  static bool fits(const PackedLayer& layer, const TensorLayout& input, int variable_planes);

  const int8_t* sums(int ky) const {
    return sums_.data() + static_cast<size_t>(ky) * static_cast<size_t>(row_bytes_);
  }
  int patterns() const { return patterns_; }

 private:
  int patterns_;
  int64_t row_bytes_;
  AlignedVector<int8_t> sums_;
};

}  // namespace stuckat::fast
