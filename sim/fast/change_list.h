// The planes of a layer's input that differ from some base, as offsets of weight columns.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/fast/packed_layer.h"
#include "sim/fast/pixel_set.h"

namespace stuckat::fast {

/// The words of a layer's input that changed.
struct ChangedWords {
  struct Word {
    uint32_t pixel = 0;  ///< in raster order
    uint16_t y = 0;      ///< of the layer's input, without padding
    uint16_t x = 0;
    uint32_t word = 0;  ///< of the pixel: plane * words + w
  };
  std::vector<Word> list;  ///< `count` of them, in raster order; written past the end
  size_t count = 0;
  int64_t changes = 0;               ///< bits
  std::vector<int64_t> row_changes;  ///< [input height]

  void reserve(const PackedLayer& layer, const TensorLayout& input);
};

/// One entry for each plane of each element that changed: up where it became set, down where it
/// became clear. An entry is (x * channels + c) * rows_padded with x the column of the padded
/// image, so that weight column (ky, kx, c) of the window at ox begins at
///   columns + (ky*kernel_width - ox*stride) * channels * rows_padded + entry
/// and the entries of a window's row are neighbours in the list. Vectors are written past the end.
struct ChangeList {
  std::vector<uint32_t> up;
  std::vector<uint32_t> down;
  size_t up_count = 0;
  size_t down_count = 0;
  /// Where the entries of a pixel begin: [padded_height][padded_width + 1]. Rows outside
  /// y_low .. y_high have no entries, and nothing is written there.
  std::vector<uint32_t> up_begin;
  std::vector<uint32_t> down_begin;
  int y_low = 0;  ///< padded coordinates, inclusive
  int y_high = -1;
  int x_low = 0;
  int x_high = -1;

  /// Scratch of the kernels: the entries that one row of windows sees, pixel column by pixel
  /// column, each with ky * kernel_width * channels * rows_padded added, and where they begin.
  struct MergedRow {
    std::vector<uint32_t> entries;
    std::vector<uint32_t> begin;  ///< [padded_width + 1]
  };
  mutable MergedRow merged_up;
  mutable MergedRow merged_down;

  bool empty() const { return up_count + down_count == 0; }
  void reserve(const PackedLayer& layer, const TensorLayout& input);
};

}  // namespace stuckat::fast
