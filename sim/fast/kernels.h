// The loops over rows: compiled once for each instruction set, chosen at run time (Highway).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/fast/change_list.h"
#include "sim/fast/channel_tables.h"
#include "sim/fast/dense_layer.h"
#include "sim/fast/golden_state.h"
#include "sim/fast/packed_layer.h"
#include "sim/fast/pixel_set.h"

namespace stuckat::fast {
class ChainLayer;
struct ChainTiles;
struct ChainChange;
}  // namespace stuckat::fast

namespace stuckat::fast::kernels {

/// The words of `diff` (over the pixels in `changed`) that are not 0.
void find_changed_words(const PackedLayer& layer, const TensorLayout& input, const uint64_t* diff,
                        const PixelSet& changed, ChangedWords& words);

/// Their planes, as changes of `golden`.
void list_changes(const PackedLayer& layer, const TensorLayout& input, const uint64_t* golden,
                  const uint64_t* diff, const ChangedWords& words, ChangeList& list);

/// The planes in which a whole tensor differs from one that holds the padding value everywhere.
void list_from_reference(const PackedLayer& layer, const TensorLayout& input,
                         const uint64_t* planes, ChangeList& list);

/// image: golden planes XOR diff (unless null).
void fill_digits(const uint64_t* golden, const uint64_t* diff, DigitImage& image);

/// A whole layer of LayerPath::matrix with thresholds: output planes, and margins unless null.
void compute_layer(const PackedLayer& layer, const TensorLayout& output, const DigitImage& image,
                   std::span<const ExcessWeight> excesses, Margins* margins, uint64_t* planes);

/// Output pixels that the changes reach: diff = new planes XOR golden planes, and the pixels in
/// which it is not 0 into `changed`. Writes only pixels that the changes reach. Returns the number
/// of additions of one weight.
int64_t propagate(const PackedLayer& layer, const TensorLayout& output, const Margins& margins,
                  const uint64_t* golden, const ChangeList& list, uint64_t* diff,
                  PixelSet& changed);

/// Buffers of scatter().
struct ScatterBuffers {
  struct Change {
    uint32_t column = 0;  ///< channel * rows_padded
    uint32_t sums = 0;    ///< of the window whose last position is on the pixel
  };
  /// [output row][output column][rows_padded] with kernel - 1 rows and columns more on each side,
  /// where windows would stick out of the padded image: they are added to and never read. The
  /// others are zero between calls.
  AlignedVector<int8_t> sums;
  std::vector<uint64_t> touched;  ///< [row of sums]: bit x is column x of sums
  std::vector<Change> ups;        ///< written past the end
  std::vector<Change> downs;

  /// Is the layer a convolution that scatter() can do?
  static bool fits(const PackedLayer& layer);
  void reserve(const PackedLayer& layer, const TensorLayout& input);
};

/// Can no window see more changes than 8 bits can add?
bool scatter_is_exact(const PackedLayer& layer, const ChangedWords& words);

/// What list_changes() and propagate() do together, the other way round: every changed element
/// adds to the output pixels that see it. Only where scatter_is_exact(). Returns the additions.
int64_t scatter(const PackedLayer& layer, const TensorLayout& input, const TensorLayout& output,
                const Margins& margins, const uint64_t* golden_in, const uint64_t* diff_in,
                const PixelSet& changed_in, const ChangedWords& words, const uint64_t* golden,
                uint64_t* diff, PixelSet& changed, ScatterBuffers& buffers);

/// Sum over the changes of plus or minus their weight columns, for a layer with one output pixel:
/// sums[rows_padded]. Accumulators change by layer.unit times that.
void sum_columns(const PackedLayer& layer, const ChangeList& list, int32_t* sums);

/// One output pixel of a layer of LayerPath::first. image: [padded_height][padded_width][channels];
/// sums: scratch [rows_padded]; planes: the pixel's words.
void compute_first(const PackedLayer& layer, const TensorLayout& output, const int16_t* image,
                   int out_pixel, int32_t* sums, uint64_t* planes);

/// All output pixels of it.
void compute_first_layer(const PackedLayer& layer, const TensorLayout& output, const int16_t* image,
                         uint64_t* planes);

/// ChainLayer::compute().
void compute_chain(const ChainLayer& chain, const ChainTiles& of, const ChainChange& change,
                   int columns, std::span<const int> rows, const DigitImage& image,
                   uint8_t* levels);

/// sums[count] += weight * values[count]; count: a multiple of 64.
void add_column(const int16_t* values, int32_t weight, size_t count, int32_t* sums);

/// Bit i: sums[i] > threshold. count: a multiple of 64; bits: [count / 64].
void exceeding(const int32_t* sums, int32_t threshold, size_t count, uint64_t* bits);

/// One level at which the channels of propagate_channels() are stuck, and where its results go.
struct StuckLevel {
  int raise = 0;             ///< planes set, not counting those that are always set
  uint64_t* diff = nullptr;  ///< all words of the output tensor
  PixelSet* changed = nullptr;
};

/// A convolution whose input changed in some channels, held at some levels: propagate() for each of
/// them at once. rows: for each channel and each input plane that is not always set, the channel's
/// image rows (ChannelRows); tables: the same channels'. Every pixel of every level's diff is
/// written.
void propagate_channels(const PackedLayer& layer, const TensorLayout& output,
                        const Margins& margins, const uint64_t* golden,
                        std::span<const ChannelTable* const> tables,
                        std::span<const uint64_t* const> rows, std::span<const StuckLevel> levels);

/// The changes that holding a channel at `level` planes makes. rows: for each input plane.
void list_channel(const PackedLayer& layer, const TensorLayout& input, int channel,
                  std::span<const uint64_t* const> rows, int level, ChangeList& list);

/// A 2x2 pool with stride 2 of an image at most 64 wide: diff of the output from that of the input.
void propagate_pool_2x2(const PackedLayer& layer, const TensorLayout& input,
                        const uint64_t* golden_in, const uint64_t* diff_in,
                        const PixelSet& changed_in, const uint64_t* golden, uint64_t* diff,
                        PixelSet& changed);

}  // namespace stuckat::fast::kernels
