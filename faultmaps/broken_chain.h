// What broken PEs of a systolic array compute for one output: a value. Its arithmetic is part of
// that of a broken PE (broken_pe.h), which every engine shares.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/code_mask.h"

namespace stuckat {

/// A mask on what one lane reads.
struct LaneMask {
  int lane = 0;
  CodeMask mask;
  bool operator==(const LaneMask&) const = default;
};

/// How a systolic array makes a sum, in place of an MVTU's adder tree: tile by tile
/// (systolic_array.h) a partial sum, 0 at first, passes the PEs of a column and each adds its
/// product; below the column an accumulator, cleared at first, adds the partial sums up. Lane r is
/// the PE of array row r. An output-stationary PE is a column of one PE that ends in its
/// accumulator: each operand is a tile of its own.
///
/// All of it in two's complement, of binary operands too: -1 and +1 are added, and the popcount
/// that an XNOR layer stands for is (sum + columns) / 2, rounded up where a product was neither: so
/// it exceeds a threshold exactly where the sum exceeds twice that minus the columns.
struct BrokenChain {
  /// Of a lane in one tile, in place of the lane's own mask.
  struct TileMask {
    int tile = 0;
    int lane = 0;
    CodeMask mask;
    bool operator==(const TileMask&) const = default;
  };
  struct Flip {
    int tile = 0;
    int lane = 0;
    uint32_t bits = 0;
    bool operator==(const Flip&) const = default;
  };

  int rows = 0;                           ///< PEs that a partial sum passes; 0: there is no chain
  int segment = 0;                        ///< columns of the layer that are cut into tiles together
  int sum_bits = 32;                      ///< of the partial sum: it wraps
  std::vector<LaneMask> weights = {};     ///< on the code of the weight
  std::vector<LaneMask> sums = {};        ///< on the partial sum as the lane reads it
  std::vector<TileMask> weights_at = {};  ///< on the code of the weight
  std::vector<TileMask> inputs_at = {};   ///< on the code of the input
  std::vector<Flip> sum_flips = {};       ///< of the partial sum, before its mask
  std::vector<int> lost_tiles = {};       ///< whose partial sum never arrives
  CodeMask result = {};                   ///< on the accumulator as it leaves

  bool operator==(const BrokenChain&) const = default;
};

/// One chain with the faults of both.
void merge(BrokenChain& into, const BrokenChain& from);

}  // namespace stuckat
