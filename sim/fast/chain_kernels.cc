// Rows of a systolic array with one broken PE: chain_layer.h has the arithmetic.
#include <algorithm>

#include "sim/fast/chain_layer.h"
#include "sim/fast/highway_targets.h"
#include "sim/fast/kernels.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sim/fast/chain_kernels.cc"
#include <hwy/foreach_target.h>
// after foreach_target.h
#include <hwy/highway.h>

#include "sim/fast/bit_kernels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace stuckat::fast::HWY_NAMESPACE {

static_assert(chain_tiles_at_once % wide_lanes == 0);

/// What tiles see of the inputs at every output pixel.
struct ChainInputs {
  size_t tile_words;               // of a pixel
  AlignedVector<uint64_t> window;  // [output pixel][column words]
  AlignedVector<uint64_t> tiles;   // [output pixel][tile words][tiles]
  AlignedVector<uint64_t> lanes;   // [output pixel][tiles]

  ChainInputs(const ChainLayer& chain, const ChainTiles& of, const ChainChange& change,
              const DigitImage& image)
      : tile_words(change.sums ? of.words.size() : 0) {
    const PackedLayer& layer = chain.layer();
    const auto pixels = static_cast<size_t>(layer.output.pixels());
    window.assign(pixels * chain.column_words(), 0);
    tiles.resize(pixels * tile_words);
    lanes.resize(change.products ? pixels * of.tiles : 0);
    uint64_t* to_tiles = tiles.data();
    uint64_t* to_lanes = lanes.data();
    uint64_t* to = window.data();
    for (int y = 0; y < layer.output.height; ++y) {
      for (int x = 0; x < layer.output.width; ++x, to += chain.column_words()) {
        const uint64_t* from =
            image.words.data() + image.corner(y * layer.stride, x * layer.stride);
        for (int ky = 0; ky < layer.kernel_height && image.digits > 0; ++ky) {
          std::copy_n(from + std::ptrdiff_t{ky} * image.row_words(), image.window.run,
                      to + std::ptrdiff_t{ky} * image.window.run);
        }
        for (size_t i = 0; i < tile_words; ++i) *to_tiles++ = to[of.words[i]];
        for (size_t t = 0; t < of.tiles && change.products; ++t) *to_lanes++ = to[of.lane_words[t]];
      }
    }
  }
};

/// The weights of a row as its tiles see them.
struct ChainWeights {
  AlignedVector<uint64_t> tiles;                   // [tile words][tiles]
  AlignedVector<uint64_t> of_minus, more_of_plus;  // [tiles]: what inputs of -1 change, and +1 more

  explicit ChainWeights(const ChainTiles& of)
      : tiles(of.words.size()), of_minus(of.tiles), more_of_plus(of.tiles) {}

  void set(const ChainTiles& of, const ChainChange& change, const uint64_t* row) {
    for (size_t i = 0; i < tiles.size(); ++i) tiles[i] = row[of.words[i]];
    for (size_t t = 0; t < of.tiles && change.products; ++t) {
      const uint64_t* product = change.product[(row[of.lane_words[t]] & of.lane_bits[t]) != 0];
      of_minus[t] = product[0] & of.is_tile[t];
      more_of_plus[t] = (product[1] - product[0]) & of.is_tile[t];
    }
  }
};

/// The changes of some tiles, modulo 2^32.
HWY_INLINE WideVector change_of_sums(const ChainTiles& of, const CodeMask& mask,
                                     const uint64_t* inputs, const uint64_t* weights, size_t t) {
  const Wide d;
  WideVector matches = hn::Zero(d);
  for (size_t i = t; i < of.words.size(); i += of.tiles) {
    const auto differ = hn::Xor(hn::Load(d, inputs + i), hn::Load(d, weights + i));
    matches = hn::Add(matches,
                      hn::PopulationCount(hn::AndNot(differ, hn::Load(d, of.before.data() + i))));
  }
  const auto sum = hn::Sub(hn::Add(matches, matches), hn::Load(d, of.count.data() + t));
  const auto kept = hn::And(sum, hn::Set(d, uint64_t{mask.keep}));
  const auto read =
      hn::Xor(hn::Or(kept, hn::Set(d, uint64_t{mask.set})), hn::Set(d, uint64_t{mask.flip}));
  return hn::And(hn::Sub(read, sum), hn::Load(d, of.is_tile.data() + t));
}

HWY_INLINE WideVector change_of_products(const ChainTiles& of, const ChainWeights& weights,
                                         const uint64_t* inputs, size_t t) {
  const Wide d;
  const auto bit = hn::And(hn::Load(d, inputs + t), hn::Load(d, of.lane_bits.data() + t));
  const auto more = hn::Load(d, weights.more_of_plus.data() + t);
  return hn::Add(hn::Load(d, weights.of_minus.data() + t),
                 hn::IfThenZeroElse(hn::Eq(bit, hn::Zero(d)), more));
}

void compute_chain(const ChainLayer& chain, const ChainTiles& of, const ChainChange& change,
                   int columns, std::span<const int> rows, const DigitImage& image,
                   uint8_t* levels) {
  const Wide d;
  const PackedLayer& layer = chain.layer();
  const ChainInputs inputs(chain, of, change, image);
  ChainWeights weights(of);
  for (const int row : rows) {
    const uint64_t* row_weights = chain.row_weights(row);
    weights.set(of, change, row_weights);
    const uint64_t* window = inputs.window.data();
    const uint64_t* tiles = inputs.tiles.data();
    const uint64_t* lanes = inputs.lanes.data();
    for (int pixel = 0; pixel < layer.output.pixels(); ++pixel) {
      WideVector differ = hn::Zero(d);
      for (size_t w = 0; w < chain.column_words(); w += wide_lanes) {
        differ = hn::Add(differ, hn::PopulationCount(hn::Xor(hn::Load(d, window + w),
                                                             hn::Load(d, row_weights + w))));
      }
      WideVector sum = hn::Sub(hn::Zero(d), hn::Add(differ, differ));
      for (size_t t = 0; t < of.tiles; t += wide_lanes) {
        if (change.sums) {
          sum = hn::Add(sum, change_of_sums(of, change.sum, tiles, weights.tiles.data(), t));
        }
        if (change.products) sum = hn::Add(sum, change_of_products(of, weights, lanes, t));
      }
      window += chain.column_words();
      tiles += inputs.tile_words;
      lanes += change.products ? of.tiles : 0;
      const uint64_t all = hn::GetLane(hn::SumOfLanes(d, sum)) + static_cast<uint64_t>(columns);
      const auto wrapped = int64_t{static_cast<int32_t>(static_cast<uint32_t>(all))};
      const int64_t matches = (wrapped + columns + 1) >> 1;  // popcount_of_sum()
      const int64_t over_base = matches - layer.base[static_cast<size_t>(row)];
      int level = 0;
      for (int t = 0; t < layer.thresholds; ++t) {
        const int at = t * layer.rows_padded + row;
        level += over_base + layer.base_margin[static_cast<size_t>(at)] >= 0 ? 1 : 0;
      }
      *levels++ = static_cast<uint8_t>(level);
    }
  }
}

}  // namespace stuckat::fast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace stuckat::fast {

HWY_EXPORT(compute_chain);

namespace kernels {

void compute_chain(const ChainLayer& chain, const ChainTiles& of, const ChainChange& change,
                   int columns, std::span<const int> rows, const DigitImage& image,
                   uint8_t* levels) {
  HWY_DYNAMIC_DISPATCH(compute_chain)(chain, of, change, columns, rows, image, levels);
}

}  // namespace kernels
}  // namespace stuckat::fast
#endif  // HWY_ONCE
