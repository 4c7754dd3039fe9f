#include "faultmaps/systolic_array.h"

#include <algorithm>
#include <cassert>

namespace stuckat {
namespace {

/// At most so many channels leave rows of the array to the taps beside them (Gemmini 16x16).
constexpr int few_channels = 8;

int segment_of(const SystolicArray& array, const Layer& layer) {
  if (array.mapping == SystolicMapping::im2col || layer.is_flat()) return layer.columns();
  const int channels = layer.group_channels();
  return channels <= few_channels ? layer.kernel.width * channels : channels;
}

}  // namespace

SystolicMap::SystolicMap(const SystolicArray& array, const Layer& layer)
    : rows_(array.rows),
      columns_(array.columns),
      rows_of_layer_(layer.rows()),
      channels_(layer.rows() / layer.groups),
      pixels_(layer.output.pixels()),
      segment_(segment_of(array, layer)),
      segments_(layer.columns() / segment_),
      tiles_of_segment_((segment_ + rows_ - 1) / rows_) {}

SystolicMap::Tile SystolicMap::sum_tile(int tile) const {
  const int within = tile % tiles_of_segment_ * rows_;
  return {tile / tiles_of_segment_ * segment_ + within, std::min(rows_, segment_ - within)};
}

int SystolicMap::sum_tile_of(int column) const {
  return column / segment_ * tiles_of_segment_ + column % segment_ / rows_;
}

std::vector<int> SystolicMap::rows_in(int column) const {
  std::vector<int> rows;
  for (int first = 0; first < rows_of_layer_; first += channels_) {
    for (int n = column; n < channels_; n += columns_) rows.push_back(first + n);
  }
  return rows;
}

std::vector<bool> pruned_weights(const SystolicArray& array, const Layer& layer,
                                 const PeSet& bypassed) {
  assert(array.weights_stay() && bypassed.size() == static_cast<size_t>(array.pes()));
  const SystolicMap map(array, layer);
  std::vector<bool> pruned(layer.weights.size());
  for (size_t i = 0; i < pruned.size(); ++i) {
    const int n = static_cast<int>(i) / layer.columns();
    const int row = map.row_of(static_cast<int>(i) % layer.columns());
    pruned[i] = bypassed[static_cast<size_t>(row * array.columns + map.column_of(n))];
  }
  return pruned;
}

std::vector<bool> lost_outputs(const SystolicArray& array, const Layer& layer,
                               const PeSet& bypassed) {
  assert(!array.weights_stay() && bypassed.size() == static_cast<size_t>(array.pes()));
  const SystolicMap map(array, layer);
  std::vector<bool> lost(static_cast<size_t>(layer.output.size()));
  for (size_t i = 0; i < lost.size(); ++i) {
    const int m = static_cast<int>(i) / layer.rows();
    const int n = static_cast<int>(i) % layer.rows();
    lost[i] = bypassed[static_cast<size_t>(m % array.rows * array.columns + map.column_of(n))];
  }
  return lost;
}

PeSet used_pes(const SystolicArray& array, const Network& network) {
  PeSet used(static_cast<size_t>(array.pes()));
  for (const int index : array.layers) {
    const Layer& layer = network.layer(index);
    const SystolicMap map(array, layer);
    int rows = std::min(array.rows, layer.output.pixels());
    if (array.weights_stay()) {
      rows = 0;
      for (int tile = 0; tile < map.sum_tiles(); ++tile) {
        rows = std::max(rows, map.sum_tile(tile).rows);
      }
    }
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < std::min(array.columns, map.group_rows()); ++c) {
        used[static_cast<size_t>(r * array.columns + c)] = true;
      }
    }
  }
  return used;
}

}  // namespace stuckat
