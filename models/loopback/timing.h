// What a loopback accelerator does when, as pure functions: the plan of a network, and the cycles
// that the SystemC run must take for it. The loop structure is documented in FORMAT.md.
#pragma once

#include <cstdint>
#include <vector>

#include "models/loopback/accelerator.h"
#include "workloads/network.h"

namespace stuckat::loopback {

/// Neuron folds whose weights lie in one bank together.
struct WeightTile {
  int first_fold = 0;
  int folds = 0;
  int64_t offset = 0;  ///< of its bytes in memory, after the tiles before it in the program
  int64_t bytes = 0;   ///< weights and thresholds, from memory
  int64_t steps = 0;   ///< of the array: folds * synapse_fold * passes
};

/// One layer on the array, with those that follow it into the buffer.
struct LayerPlan {
  struct Rows {
    int first = 0;
    int end = 0;
  };
  int layer = 0;          ///< index in Network::layers
  int rows_per_fold = 1;  ///< PE (channel-parallel) or 1 (pixel-parallel)
  int folds = 0;          ///< of all groups of the layer, one group's after the other's
  int group_rows = 0;     ///< of each group
  int group_folds = 0;
  int synapse_fold = 0;  ///< ceil(columns / SIMD)
  int passes = 0;        ///< output pixels, or groups of PE of them
  std::vector<WeightTile> tiles;

  int64_t steps() const { return int64_t{folds} * synapse_fold * passes; }
  /// Those of a fold, without padding.
  Rows rows_of(int fold) const;
  int64_t bytes() const;
};

/// A layer without weights that follows no other into the buffer: a word of SIMD channels is read
/// in a cycle, and the array waits.
struct MovePlan {
  int layer = 0;   ///< index in Network::layers
  int before = 0;  ///< the layer of the plan that is next; LoopbackPlan::layers.size() after all
  int64_t cycles = 0;
};

struct LoopbackPlan {
  int input_tensor = 0;   ///< what is loaded from memory
  int output_tensor = 0;  ///< what is stored to memory
  int64_t input_bytes = 0;
  int64_t output_bytes = 0;
  std::vector<LayerPlan> layers;  ///< in order
  std::vector<MovePlan> moves;    ///< in order

  int64_t weight_bytes() const;  ///< of all tiles
};

/// Throws InputError if the network does not fit: a fold larger than a weight bank, a tensor larger
/// than an activation buffer.
LoopbackPlan make_plan(const LoopbackAccelerator& accelerator, const Network& network);

using memory::transfer_cycles;

/// Cycles of one layer by what the array did; their sum is the layer's time. Of one that moves
/// tensors: steps of reading.
struct LayerCycles {
  int64_t control = 0;
  int64_t waiting = 0;  ///< for weights
  int64_t steps = 0;
  int64_t pipeline = 0;

  int64_t total() const { return control + waiting + steps + pipeline; }
  bool operator==(const LayerCycles&) const = default;
};

/// One image: loaded, its layers, stored; from the end of the image before to its own end.
struct ImageCycles {
  int64_t load = 0;  ///< waiting for memory included
  std::vector<LayerCycles> layers;
  int64_t store = 0;  ///< waiting for memory included
  std::vector<LayerCycles> moves = {};

  int64_t total() const;
  bool operator==(const ImageCycles&) const = default;
};

/// The cycles of `images` images in a row; the sum of total() is the time of the run.
std::vector<ImageCycles> cycles_for(const LoopbackPlan& plan,
                                    const LoopbackAccelerator& accelerator, int images);

/// The cycle in which the array starts with a tile, [image][layer of the plan][tile].
using TileStarts = std::vector<std::vector<std::vector<int64_t>>>;
TileStarts tile_starts(const LoopbackPlan& plan, const LoopbackAccelerator& accelerator,
                       int images);

/// Cycles from image to image once the run is steady.
int64_t steady_interval(const LoopbackPlan& plan, const LoopbackAccelerator& accelerator);

}  // namespace stuckat::loopback
