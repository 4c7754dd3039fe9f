// A tensor of planes turned over: for each channel the rows of its image, one bit per pixel.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/fast/packed_layer.h"

namespace stuckat::fast {

class ChannelRows {
 public:
  static constexpr int most_columns = 64;
  /// Only for tensors of planes at most `most_columns` wide.
  static bool fits(const TensorLayout& layout) {
    return layout.form == TensorForm::planes && layout.shape.width <= most_columns;
  }

  ChannelRows() = default;
  explicit ChannelRows(const TensorLayout& layout);

  bool empty() const { return rows_.empty(); }
  /// planes: a whole tensor of the layout.
  void fill(const uint64_t* planes);

  /// [height]: bit x of row y is plane `plane` of element (y, x, channel).
  const uint64_t* rows(int channel, int plane) const {
    return rows_.data() + (static_cast<size_t>(channel) * static_cast<size_t>(layout_.planes) +
                           static_cast<size_t>(plane)) *
                              static_cast<size_t>(layout_.shape.height);
  }
  /// Does every element of the channel have `level` planes set?
  bool is_constant(int channel, int level) const;

 private:
  TensorLayout layout_;
  std::vector<uint64_t> rows_;  // [channel, padded to whole words][plane][height]
};

/// bit j of word i <-> bit i of word j
void transpose_64x64(uint64_t (&words)[64]);

}  // namespace stuckat::fast
