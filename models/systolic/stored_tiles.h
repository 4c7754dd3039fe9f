// Weights and thresholds as off-chip memory holds them, tile after tile in the order of the layers
// (FORMAT.md, "In memory").
#pragma once

#include <cstdint>
#include <vector>

#include "models/systolic/plan.h"

namespace stuckat::systolic {

/// What a host writes to memory for a network, [plan.weight_bytes()]; padding is 0.
std::vector<uint8_t> stored_tiles(const SystolicAccelerator& accelerator, const Network& network);

/// Puts a tile's weights and thresholds into its layer.
void load_tile(const WeightTile& tile, const std::vector<uint8_t>& bytes, Layer& layer);

}  // namespace stuckat::systolic
