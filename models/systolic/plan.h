// What a systolic accelerator does when, as pure functions: the products of a network, their
// cycles, and when tiles enter.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/placement.h"
#include "models/systolic/accelerator.h"
#include "models/systolic/tile_clock.h"

namespace stuckat::systolic {

/// Weights that come from memory together, and, with the first of a row's, its thresholds. Each
/// row of the array takes those of one column of the layer, whole bytes (FORMAT.md).
struct WeightTile {
  int first_column = 0;  ///< of the layer
  int columns = 0;
  int first_row = 0;  ///< of the layer
  int rows = 0;
  bool thresholds = false;
  int64_t offset = 0;  ///< of its bytes in memory, after the tiles before it
  int64_t bytes = 0;
};

/// Vectors first_pixel .. + gemm.m - 1 of one group of a layer, whose rows are first_row .. +
/// gemm.n
/// - 1: as many vectors as the memory below the columns holds.
struct ProductPlan {
  int first_pixel = 0;
  Gemm gemm;
  GemmCycles cycles;
  int64_t start = 0;  ///< cycle of the image
  int first_row = 0;
  int first_weights = 0;  ///< in LayerPlan::weights, of its group
  std::vector<TileTimes> tiles = {};
  std::vector<int> fetches = {};  ///< of LayerPlan::weights, in the order of the tiles
};

/// One layer with weights, on the array.
struct LayerPlan {
  int layer = 0;  ///< index in Network::layers
  std::vector<ProductPlan> products;
  GemmCycles cycles;               ///< of all products
  double mapping_utilisation = 0;  ///< share of PEs with a stationary operand, 0 .. 1
  double overall_utilisation = 0;  ///< multiplications over those of all PEs in all cycles
  int64_t tiles = 0;
  int64_t macs = 0;
  std::vector<WeightTile> weights;  ///< in the order of the groups, and of their tiles
  int64_t fetched_bytes = 0;        ///< of an image: products of one group fetch the same again
};

/// One layer without weights that reads tensors from the unified buffer, after the array: a vector
/// of C channels in a cycle, in which the array waits. What the layer before it makes follows that
/// into it and takes no time of its own, so that most pools have no plan.
struct ReadPlan {
  int layer = 0;  ///< index in Network::layers
  int64_t cycles = 0;
  int64_t start = 0;  ///< cycle of the image
};

struct Plan {
  std::vector<LayerPlan> layers;
  std::vector<ReadPlan> reads;
  int64_t load_cycles = 0;   ///< of the image from off-chip memory
  int64_t store_cycles = 0;  ///< of the result
  int64_t image_cycles = 0;  ///< images follow each other
  int64_t input_bytes = 0;
  int64_t output_bytes = 0;

  int64_t weight_bytes() const;  ///< of all layers, in memory
};

/// The array as fault maps see it. Throws InputError if the network does not fit.
SystolicArray array_of(const SystolicAccelerator& accelerator, const Network& network);
/// Part "array"; with off-chip memory also the unified buffer and that memory's "weights". Throws
/// InputError if the network does not fit.
Placement place(const SystolicAccelerator& accelerator, const Network& network);

/// Cycles that ReadPlan says: 0 of layers with weights.
int64_t read_cycles(const Network& network, int layer, int64_t columns);

/// Throws InputError if the network does not fit.
Plan make_plan(const SystolicAccelerator& accelerator, const Network& network);

}  // namespace stuckat::systolic
