// When the tiles of a product are loaded and begin: the rules of the schedules, tile by tile, with
// what weights that come late do to them.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/systolic_array.h"
#include "faultmaps/timeline.h"
#include "models/systolic/gemm.h"

namespace stuckat::systolic {

using TileTimes = SystolicTile;

/// The tiles of one product, in order; cycles of the product.
class TileClock {
 public:
  TileClock(const SystolicArray& array, const Gemm& gemm) : array_(array), gemm_(gemm) {}

  /// The next tile, the weights of which are there from cycle `ready` on: it is not loaded before,
  /// or, output-stationary, does not begin before.
  TileTimes next(int64_t ready = 0);
  /// The cycle after that in which the last of the newest tile's weights enters the array.
  int64_t entered() const;
  /// How much later the newest tile is than it would be if all weights had been there.
  int64_t waited() const { return last_.start - unhindered_.start; }

 private:
  TileTimes after(const TileTimes* before, int64_t ready) const;

  const SystolicArray& array_;
  const Gemm gemm_;
  bool first_ = true;
  TileTimes last_, unhindered_;
};

/// All tiles of a product whose weights are there.
std::vector<TileTimes> tile_times(const SystolicArray& array, const Gemm& gemm, int64_t tiles);

/// Which weights a tile of a product takes, of those that its group has: numbers of tiles in
/// memory (plan.h, WeightTile). Weight-stationary, each tile has its own; output-stationary, tiles
/// of the same channels share them; input-stationary, those of the same operands.
struct TileWeights {
  int number = 0;
  bool fetched = false;  ///< now; else they are still there
  bool last = false;     ///< no tile after this one has them
};
TileWeights weights_of(const SystolicArray& array, const SystolicMap& map, int tile);

/// Tiles of a product with `pixels` vectors, and of its weights in memory.
int tiles_of(const SystolicArray& array, const SystolicMap& map, int64_t pixels);
int weight_tiles_of(const SystolicArray& array, const SystolicMap& map);

}  // namespace stuckat::systolic
