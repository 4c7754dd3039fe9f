// What the fault-free pass of one image leaves behind for the faults of that image.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/fast/aligned_vector.h"
#include "sim/fast/packed_network.h"
#include "sim/fast/padded_image.h"
#include "workloads/network.h"

namespace stuckat::fast {

/// Of one layer of LayerPath::matrix that has thresholds. A margin is how far a comparator is from
/// switching, in units of weights: its output is 1 exactly where the margin is >= 0. With the
/// sum d of changed weight columns it becomes margin + d.
struct Margins {
  /// [output pixel][threshold][rows_padded], limited to -128 .. 127. While |d| <= 127 the sign of
  /// the saturated sum is exact: a limited margin cannot switch.
  AlignedVector<int8_t> narrow;
  AlignedVector<int32_t> wide;  ///< the same, not limited
  /// narrow as bits, for layers with bit_columns: [output pixel][threshold][margin_bits][words].
  AlignedVector<uint64_t> bits;
};

struct GoldenState {
  std::vector<AlignedVector<uint64_t>> planes;  ///< [tensor], empty for other forms
  std::vector<Tensor> values;                   ///< [tensor], for TensorForm::values only
  std::vector<PaddedImage> padded_inputs;       ///< [layer] of LayerPath::first
  std::vector<Margins> margins;                 ///< [layer]
  std::vector<int32_t> logits;                  ///< [classes]
};

}  // namespace stuckat::fast
