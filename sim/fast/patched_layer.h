// A layer of the dense path whose parameters are patched for a while: the rows that memories with
// broken bits feed cost no more than right ones.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "sim/fast/fault_program.h"
#include "sim/fast/packed_layer.h"

namespace stuckat::fast {

class PatchedLayer {
 public:
  PatchedLayer() = default;
  /// Holds what the dense path reads of a layer of LayerPath::matrix with thresholds, with weights
  /// of so many digits, at least those of the layer.
  PatchedLayer(const PackedLayer& layer, int digits);

  bool empty() const { return layer_.rows == 0; }
  /// The row can be patched: its weights have as many digits as the dense path has for this layer,
  /// or one more (the code that no quantizer emits), and no broken PE computes it.
  static bool holds(const PackedLayer& layer, const SpecialRow& row);
  /// Digits of the weights with this row patched, at least those of the layer.
  static int digits_for(const PackedLayer& layer, const SpecialRow& row);

  /// Until restore(). `of` is the layer as the network has it.
  void patch(const Layer& of, const SpecialRow& row);
  void restore();

  const PackedLayer& layer() const { return layer_; }

 private:
  void set_weight(int row, int column, int weight);

  PackedLayer layer_;                                // without columns
  std::vector<std::pair<size_t, uint64_t>> words_;   // of layer_.dense, as they were, in order
  std::vector<std::pair<size_t, int32_t>> margins_;  // of layer_.base_margin likewise
};

}  // namespace stuckat::fast
