// A layer that counts matches (XNOR) on a systolic array with one broken PE: the rows that meet it,
// from the bits of operands and weights.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "sim/fast/aligned_vector.h"
#include "sim/fast/broken_lane.h"
#include "sim/fast/dense_layer.h"
#include "sim/fast/fault_program.h"

namespace stuckat::fast {

/// The tiles that have a lane, and up to a multiple of chain_tiles_at_once tiles that mean nothing.
/// The sum of n products of +1 and -1 is 2 * matches - n.
struct ChainTiles {
  size_t tiles = 0;
  size_t tile_words = 0;              ///< most column words that the columns before the lane lie in
  std::vector<int> words;             ///< [tile words][tiles]: those
  AlignedVector<uint64_t> before;     ///< [tile words][tiles]: bits of the columns
  AlignedVector<uint64_t> count;      ///< [tiles]: columns
  AlignedVector<uint64_t> is_tile;    ///< [tiles]: all ones, 0 of those that mean nothing
  std::vector<int> lane_words;        ///< [tiles]: column word of the lane's column
  AlignedVector<uint64_t> lane_bits;  ///< [tiles]: its bit
};
inline constexpr size_t chain_tiles_at_once = 8;

/// What the broken PE does to a sum of +1 and -1, modulo 2^32.
struct ChainChange {
  bool sums = false;
  CodeMask sum = {};
  bool products = false;
  /// [weight][input], 0 for -1 and 1 for +1.
  uint64_t product[2][2] = {};
};

class ChainLayer {
 public:
  ChainLayer() = default;
  ChainLayer(const Layer& of, const PackedLayer& layer);

  bool empty() const { return layer_ == nullptr; }
  /// The layer counts matches, and the dense path holds it.
  static bool fits(const Layer& of, const PackedLayer& layer);
  /// One broken lane at every output pixel, and right parameters.
  static bool holds(const SpecialRow& row, const Effects& effects, int64_t image_index);

  /// Comparators that give 1: levels[rows.size()][output pixel]. `fault` holds for `rows`.
  void compute(const OperatorFault& fault, std::span<const int> rows, const DigitImage& image,
               uint8_t* levels);

  const PackedLayer& layer() const { return *layer_; }
  /// [column_words(), zeros after the row's]
  const uint64_t* row_weights(int row) const {
    return weights_.data() + static_cast<size_t>(row) * column_words_;
  }
  /// Whole vectors.
  size_t column_words() const { return column_words_; }

 private:
  const ChainTiles& tiles(const BrokenChain& chain, int lane);

  const Layer* of_ = nullptr;
  const PackedLayer* layer_ = nullptr;
  size_t column_words_ = 0;
  AlignedVector<uint64_t> weights_;                        // [row][column_words_]
  std::map<std::tuple<int, int, int>, ChainTiles> tiles_;  // by rows, segment and lane
};

}  // namespace stuckat::fast
