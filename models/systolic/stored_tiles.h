// Weights and thresholds as off-chip memory holds them, tile after tile in the order of the layers
// (FORMAT.md, "In memory").
#pragma once

#include <cstdint>
#include <vector>

#include "models/memory/stuck_bytes.h"
#include "models/systolic/plan.h"

namespace stuckat::systolic {

/// What a host writes to memory for a network, [plan.weight_bytes()]; padding is 0.
std::vector<uint8_t> stored_tiles(const SystolicAccelerator& accelerator, const Network& network);

/// Puts a tile's weights and thresholds into its layer.
void load_tile(const WeightTile& tile, const std::vector<uint8_t>& bytes, Layer& layer);

/// A layer as its tiles come out of memory some bits of which are stuck; address 0 is that of the
/// first tile.
Layer loaded_layer(const LayerPlan& plan, const Layer& layer, const memory::StuckBytes& memory);

}  // namespace stuckat::systolic
