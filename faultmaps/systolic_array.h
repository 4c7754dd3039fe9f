// A systolic array as fault maps see it: which PE multiplies which operands of a layer, and in
// which tile. A value that an accelerator fills in; docs/systolic.md has the registers.
//
// A layer is a matrix product: M vectors (output pixels) of K operands (columns of the layer) times
// K x N weights (N rows of the layer). Weight-stationary, weights (k, n) stay: k along the rows of
// the array, n along its columns. Output-stationary, outputs (m, n) do: m along the rows. A layer
// of several groups is one such product for each, K and N those of a group.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/network.h"

namespace stuckat {

enum class SystolicDataflow : uint8_t { weight_stationary, output_stationary, input_stationary };

/// Which columns of a layer fill the rows of the array together, weight-stationary. Both take
/// `segment` columns one after the other and cut those into tiles of R:
///   im2col   all K = (ky, kx, channel) of a window (SCALE-Sim)
///   channel  the channels of one tap (ky, kx), so that all taps of a channel meet the same PE; for
///            at most 8 channels those of a kernel row, (kx, channel), share the rows (Gemmini,
///            FAP)
/// Dense layers have no taps: all K.
enum class SystolicMapping : uint8_t { channel, im2col };

/// When the weights of a tile enter: after the tile before it has left the array; after its last
/// vector has entered; while it works.
enum class WeightLoading : uint8_t { serial, overlapped, double_buffered };

struct SystolicArray {
  std::string name = "array";  ///< of the part
  int rows = 1;                ///< R
  int columns = 1;             ///< C
  SystolicDataflow dataflow = SystolicDataflow::weight_stationary;
  SystolicMapping mapping = SystolicMapping::channel;
  WeightLoading loading = WeightLoading::double_buffered;
  bool drains = true;            ///< outputs leave through the lower edge (output-stationary)
  int sum_bits = 32;             ///< of the partial sum that moves down (weight-stationary)
  int accumulator_bits = 32;     ///< of the memory below a column, or of w0 and w1 (output-st.)
  int accumulator_depth = 4096;  ///< vectors that the memory below a column holds
  /// Weights come from off-chip memory, when it has them: a tile may be loaded later than the
  /// schedule says.
  bool waits = false;
  std::vector<int> layers = {};  ///< that run on it, in order

  int pes() const { return rows * columns; }
  bool weights_stay() const { return dataflow == SystolicDataflow::weight_stationary; }
  bool operator==(const SystolicArray&) const = default;
};

/// A set of PEs: [row * columns + column].
using PeSet = std::vector<bool>;

/// Where a layer lies in an array.
class SystolicMap {
 public:
  /// Columns first .. first + rows - 1 of the layer, one for each row of the array; the rows below
  /// are idle.
  struct Tile {
    int first = 0;
    int rows = 0;
  };

  SystolicMap(const SystolicArray& array, const Layer& layer);

  /// Columns of the layer that are cut into tiles together.
  int segment() const { return segment_; }
  /// Of one row of the layer, weight-stationary: its sum is made tile by tile, in this order.
  int sum_tiles() const { return segments_ * tiles_of_segment_; }
  Tile sum_tile(int tile) const;
  /// The tile of a column, and the row of the array in it.
  int sum_tile_of(int column) const;
  int row_of(int column) const { return column % segment_ % rows_; }
  /// Rows of one group of the layer: those of a product.
  int group_rows() const { return channels_; }
  /// The first row of the group that row n is of.
  int first_row(int n) const { return n - n % channels_; }
  /// Tiles of a group's rows; its row n runs in column n mod C in tile n div C.
  int channel_tiles() const { return (channels_ + columns_ - 1) / columns_; }
  int channel_tile_of(int n) const { return n % channels_ / columns_; }
  int column_of(int n) const { return n % channels_ % columns_; }
  /// Rows of the layer that run in a column of the array, ascending.
  std::vector<int> rows_in(int column) const;
  /// Output-stationary: pixel m runs in row m mod R in tile m div R.
  int pixel_tiles() const { return (pixels_ + rows_ - 1) / rows_; }

 private:
  int rows_;
  int columns_;
  int rows_of_layer_;
  int channels_;
  int pixels_;
  int segment_;
  int segments_;
  int tiles_of_segment_;
};

/// The weights of a layer that meet bypassed PEs of a weight-stationary array, [rows()][columns()]:
/// their products are 0, so that they count as pruned (Zhang et al., VTS 2018, FAP).
std::vector<bool> pruned_weights(const SystolicArray& array, const Layer& layer,
                                 const PeSet& bypassed);

/// The outputs of a layer that bypassed PEs of an output-stationary array do not compute,
/// [pixel][rows()]: their sum is 0.
std::vector<bool> lost_outputs(const SystolicArray& array, const Layer& layer,
                               const PeSet& bypassed);

/// Every PE of the array that some layer of `array.layers` uses, weight- or output-stationary.
PeSet used_pes(const SystolicArray& array, const Network& network);

}  // namespace stuckat
