// Weights and thresholds as off-chip memory holds them, tile after tile in the order of the program
// (FORMAT.md, "In memory").
#pragma once

#include <cstdint>
#include <vector>

#include "models/loopback/timing.h"

namespace stuckat::loopback {

/// What a host writes to memory for a network, [plan.weight_bytes()]; padding is 0.
std::vector<uint8_t> stored_tiles(const LoopbackAccelerator& accelerator, const Network& network);

/// Puts a tile's weights and thresholds into its layer, the width of which they have to fit; bits
/// of padded rows and columns are not looked at.
void load_tile(const LayerPlan& plan, const WeightTile& tile, const ArrayUse& use, int simd,
               const std::vector<uint8_t>& bytes, Layer& layer);

}  // namespace stuckat::loopback
