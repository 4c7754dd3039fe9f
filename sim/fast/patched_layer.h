// A layer of the dense path whose parameters are patched for a while: the rows that memories with
// broken bits feed cost no more than right ones.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/fast/dense_layer.h"
#include "sim/fast/layer_patch.h"
#include "sim/fast/packed_layer.h"

namespace stuckat::fast {

class PatchedLayer {
 public:
  PatchedLayer() = default;
  /// Holds what the dense path reads of a layer of LayerPath::matrix with thresholds, with weights
  /// as digits of the layer's, or of all that codes of the format can mean (wide). Both outlive it.
  PatchedLayer(const Layer& of, const PackedLayer& layer, bool wide);

  bool empty() const { return layer_.rows == 0; }

  /// Until restore() of the same.
  void patch(const LayerPatch& patch);
  void restore(const LayerPatch& patch);

  const PackedLayer& layer() const { return layer_; }
  std::span<const ExcessWeight> excesses() const { return excesses_; }

 private:
  /// `weight`: one that the digits hold.
  void set_weight(int row, ColumnBit place, int weight);

  const PackedLayer* right_ = nullptr;
  PackedLayer layer_;              // without columns
  std::vector<ColumnBit> places_;  // [columns]
  std::vector<ExcessWeight> excesses_;
};

}  // namespace stuckat::fast
