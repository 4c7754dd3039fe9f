// A layer of the dense path whose parameters are patched for a while: the rows that memories with
// broken bits feed cost no more than right ones.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sim/fast/dense_layer.h"
#include "sim/fast/fault_program.h"
#include "sim/fast/packed_layer.h"

namespace stuckat::fast {

class PatchedLayer {
 public:
  PatchedLayer() = default;
  /// Holds what the dense path reads of a layer of LayerPath::matrix with thresholds, with weights
  /// as digits of the layer's, or of all that codes of the format can mean (wide).
  PatchedLayer(const Layer& of, const PackedLayer& layer, bool wide);

  bool empty() const { return layer_.rows == 0; }
  /// No broken PE computes the row, and its weights are numbers: XNOR layers count matches, to
  /// which a weight that is neither +1 nor -1 gives none.
  static bool holds(const Layer& of, const SpecialRow& row);
  /// Patched weights that the layer's digits do not hold.
  static int64_t count_excesses(const PackedLayer& layer, const SpecialRow& row);

  /// Until restore().
  void patch(const SpecialRow& row);
  void restore();

  const PackedLayer& layer() const { return layer_; }
  std::span<const ExcessWeight> excesses() const { return excesses_; }

 private:
  void set_weight(int row, int column, int weight);
  void set_thresholds(const SpecialRow& row, int base_change);

  const Layer* of_ = nullptr;
  PackedLayer layer_;  // without columns
  std::vector<ExcessWeight> excesses_;
  std::vector<std::pair<size_t, uint64_t>> words_;   // of layer_.dense, as they were, in order
  std::vector<std::pair<size_t, int32_t>> margins_;  // of layer_.base_margin likewise
};

}  // namespace stuckat::fast
