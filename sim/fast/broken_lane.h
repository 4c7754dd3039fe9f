// The one broken PE of a column of a systolic array.
#pragma once

#include <optional>

#include "faultmaps/effects.h"

namespace stuckat::fast {

/// Sums wrap alike everywhere, so that with one broken lane a sum is the healthy one and, tile by
/// tile, what that lane changes:
///   (sum as the lane reads it) - (sum of the products before it) + (its product) - (the right
///   one).
struct BrokenLane {
  int lane = 0;
  CodeMask sum = {}, weight = {}, input = {}, product = {};

  bool multiplies_wrongly() const {
    return !weight.is_identity() || !input.is_identity() || !product.is_identity();
  }
  /// What its product changes.
  uint32_t product_change(const Layer& layer, int32_t stored_weight, int32_t stored_input) const;
};

/// None where anything but one lane is broken, or a register is narrower than 32 bits.
std::optional<BrokenLane> broken_lane(const BrokenPe& pe);

/// visit(first, lane column) for every tile of `columns` columns that has the lane: columns first
/// .. lane column - 1 are added before it.
template <class Visit>
void for_each_tile(const BrokenChain& chain, int lane, int columns, Visit&& visit) {
  for (int begin = 0; begin < columns; begin += chain.segment) {
    for (int within = 0; within + lane < chain.segment; within += chain.rows) {
      visit(begin + within, begin + within + lane);
    }
  }
}

}  // namespace stuckat::fast
