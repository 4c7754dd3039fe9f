#include "sim/fast/chain_layer.h"

#include <algorithm>
#include <utility>

#include "sim/fast/kernels.h"

namespace stuckat::fast {
namespace {

size_t whole(size_t count, size_t at_once) { return (count + at_once - 1) / at_once * at_once; }

ChainTiles make_tiles(const PackedLayer& layer, const BrokenChain& chain, int lane, int columns) {
  struct Tile {
    int column;                                  // of the lane
    std::vector<std::pair<int, uint64_t>> bits;  // of the columns before it, by word
    int count;
  };
  std::vector<Tile> all;
  ChainTiles result;
  for_each_tile(chain, lane, columns, [&](int first, int column) {
    Tile tile{column, {}, column - first};
    for (int c = first; c < column; ++c) {
      const ColumnBit at = column_bit(layer, c);
      if (tile.bits.empty() || tile.bits.back().first != at.word)
        tile.bits.emplace_back(at.word, 0);
      tile.bits.back().second |= uint64_t{1} << at.bit;
    }
    result.tile_words = std::max(result.tile_words, tile.bits.size());
    all.push_back(std::move(tile));
  });
  const size_t tiles = result.tiles = whole(all.size(), chain_tiles_at_once);
  result.words.assign(result.tile_words * tiles, 0);
  result.before.assign(result.tile_words * tiles, 0);
  result.count.assign(tiles, 0);
  result.is_tile.assign(tiles, 0);
  result.lane_words.assign(tiles, 0);
  result.lane_bits.assign(tiles, 0);
  for (size_t t = 0; t < all.size(); ++t) {
    for (size_t w = 0; w < all[t].bits.size(); ++w) {
      std::tie(result.words[w * tiles + t], result.before[w * tiles + t]) = all[t].bits[w];
    }
    result.count[t] = static_cast<uint64_t>(all[t].count);
    result.is_tile[t] = ~uint64_t{0};
    const ColumnBit at = column_bit(layer, all[t].column);
    result.lane_words[t] = at.word;
    result.lane_bits[t] = uint64_t{1} << at.bit;
  }
  return result;
}

}  // namespace

bool ChainLayer::fits(const Layer& of, const PackedLayer& layer) {
  return of.is_xnor() && layer.path == LayerPath::matrix && !layer.accumulator_output &&
         layer.dense.plus_minus;
}

bool ChainLayer::holds(const SpecialRow& row, const Effects& effects, int64_t image_index) {
  if (row.operators.size() != 1 || !row.weights.empty() || !row.thresholds.empty()) return false;
  const OperatorFault& fault = effects.operators[static_cast<size_t>(row.operators.front())];
  return fault.pixels.empty() && fault.images.contains(image_index) &&
         broken_lane(fault.pe).has_value();
}

ChainLayer::ChainLayer(const Layer& of, const PackedLayer& layer)
    : of_(&of),
      layer_(&layer),
      column_words_(whole(static_cast<size_t>(layer.dense.column_words), chain_tiles_at_once)),
      weights_(column_words_ * static_cast<size_t>(layer.rows), 0) {
  for (int row = 0; row < layer.rows; ++row) {
    for (int word = 0; word < layer.dense.column_words; ++word) {
      weights_[static_cast<size_t>(row) * column_words_ + static_cast<size_t>(word)] =
          layer.dense.words[layer.dense.word_of(row, 0, word)];
    }
  }
}

const ChainTiles& ChainLayer::tiles(const BrokenChain& chain, int lane) {
  const auto [at, is_new] = tiles_.try_emplace({chain.rows, chain.segment, lane});
  if (is_new) at->second = make_tiles(*layer_, chain, lane, of_->columns());
  return at->second;
}

void ChainLayer::compute(const OperatorFault& fault, std::span<const int> rows,
                         const DigitImage& image, uint8_t* levels) {
  const BrokenLane lane = broken_lane(fault.pe).value();
  ChainChange change{!lane.sum.is_identity(), lane.sum, lane.multiplies_wrongly()};
  for (const int w : {0, 1}) {
    for (const int x : {0, 1})
      change.product[w][x] = lane.product_change(*of_, 2 * w - 1, 2 * x - 1);
  }
  kernels::compute_chain(*this, tiles(fault.pe.chain, lane.lane), change, of_->columns(), rows,
                         image, levels);
}

}  // namespace stuckat::fast
