// What a layer's memories read wrongly, as flat lists: a chip with broken memories has hundreds of
// patches, and every image needs them again.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/fast/packed_layer.h"

namespace stuckat::fast {

struct SpecialRow;

struct LayerPatch {
  struct Weight {
    int32_t row = 0;
    int32_t column = 0;
    int8_t before = 0;
    int8_t after = 0;
  };
  /// PackedLayer::base_margin of a comparator.
  struct Margin {
    int32_t row = 0;
    int32_t threshold = 0;
    int32_t value = 0;
  };
  std::vector<Weight> weights;  ///< by row
  std::vector<Margin> margins;  ///< by row
  int excesses = 0;             ///< weights that the layer's own digits do not hold
  bool wide = false;            ///< so many that digits for all codes of the format cost less
  /// The whole layer from patched parameters costs less than its rows one by one.
  bool recomputes = false;

  bool empty() const { return weights.empty() && margins.empty(); }
};

/// The nearest weight that the digits hold.
int held_weight(const DenseWeights& dense, int weight);

/// No broken PE computes the row, and its weights are numbers: XNOR layers count matches, to which
/// a weight that is neither +1 nor -1 gives none.
bool is_patch(const Layer& of, const SpecialRow& row);

/// `rows` for which is_patch(), of a layer of LayerPath::matrix.
LayerPatch patch_of(const Layer& of, const PackedLayer& layer, const TensorLayout& input,
                    const std::vector<SpecialRow>& rows);

}  // namespace stuckat::fast
