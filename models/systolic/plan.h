// What a systolic accelerator does when, as pure functions: the products of a network, their
// cycles, and when tiles enter.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/placement.h"
#include "models/systolic/accelerator.h"

namespace stuckat::systolic {

/// Vectors first_pixel .. + gemm.m - 1 of a layer: as many as the memory below the columns holds.
struct ProductPlan {
  int first_pixel = 0;
  Gemm gemm;
  GemmCycles cycles;
  int64_t start = 0;  ///< cycle of the image
};

/// One layer on the array; pools behind it take no time of their own.
struct LayerPlan {
  int layer = 0;  ///< index in Network::layers
  std::vector<ProductPlan> products;
  GemmCycles cycles;               ///< of all products
  double mapping_utilisation = 0;  ///< share of PEs with a stationary operand, 0 .. 1
  double overall_utilisation = 0;  ///< multiplications over those of all PEs in all cycles
  int64_t tiles = 0;
  int64_t macs = 0;
};

struct Plan {
  std::vector<LayerPlan> layers;
  int64_t image_cycles = 0;  ///< images follow each other
};

/// The array as fault maps see it. Throws InputError if the network does not fit.
SystolicArray array_of(const SystolicAccelerator& accelerator, const Network& network);
/// One part, "array". Throws InputError if the network does not fit.
Placement place(const SystolicAccelerator& accelerator, const Network& network);

/// Throws InputError if the network does not fit.
Plan make_plan(const SystolicAccelerator& accelerator, const Network& network);

/// Cycles of a product at which the weights of a tile begin to enter (weight-stationary), and at
/// which PE (0, 0) works on its first vector or product.
struct TileTimes {
  int64_t load = 0;
  int64_t start = 0;
};
/// All tiles of a product, in order; `tiles`: how many.
std::vector<TileTimes> tile_times(const SystolicArray& array, const Gemm& gemm, int64_t tiles);

}  // namespace stuckat::systolic
