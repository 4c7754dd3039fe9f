// Networks as the level engine computes them: a byte for each element, which says how many levels
// it is above the lowest value that its format has. Every kind of layer, every format to 8 bits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/fast/aligned_vector.h"
#include "sim/fast/levels/activation.h"
#include "workloads/network.h"

namespace stuckat::fast {

/// Pixels top .. bottom-1, left .. right-1 of an image.
struct Area {
  int top = 0;
  int left = 0;
  int bottom = 0;
  int right = 0;

  bool empty() const { return top >= bottom || left >= right; }
  int pixels() const { return empty() ? 0 : (bottom - top) * (right - left); }
  void include(int y, int x);
  void include(const Area& other);
};

/// Of an area the part that holds the pixels whose flag is set. flags: [pixels], raster order.
Area differing(const Area& area, std::span<const uint8_t> flags);

/// How a tensor is held: [height][width][channels] bytes with a border of padding, as wide as the
/// convolutions that read it need. The result of sums is no such tensor: it is held as integers.
struct LevelTensor {
  Shape shape;
  NumberFormat format;  ///< not if sums
  bool sums = false;
  Padding border;
  int lowest = 0;  ///< the value of level 0
  int scale = 1;   ///< value = lowest + scale * level
  int levels = 0;
  uint8_t padding_level = 0;
  std::vector<uint32_t> at;  ///< [pixels]: where its bytes begin

  int width() const { return border.left + shape.width + border.right; }
  int height() const { return border.top + shape.height + border.bottom; }
  /// Bytes, with some after the last that are read and not used.
  size_t size() const;
  int value(int level) const { return lowest + scale * level; }
  int level(int value) const { return (value - lowest) / scale; }
  Area all() const { return {0, 0, shape.height, shape.width}; }
};

/// matrix: rows on windows, in groups; depthwise: one row for each channel.
enum class LevelWork : uint8_t { matrix, depthwise, average, maximum, add, concat };

/// Rows lie in blocks of 16, those of one group together; a slot is a place in a block. The sum of
/// a slot is sum(weight * level), or for the other kinds what is compared with thresholds.
struct LevelLayer {
  LevelWork work = LevelWork::matrix;
  std::vector<int> inputs;  ///< tensors
  Shape input;
  Shape output;
  Extent kernel;  ///< the whole image if the layer reads everything
  Extent stride;
  Padding padding;
  int groups = 1;
  int rows = 0;
  bool accumulator_output = false;

  struct Block {
    int group = 0;
    int channel = 0;  ///< first of the output
    int count = 0;    ///< of rows, 1 to 16
  };
  std::vector<Block> blocks;
  int slots = 0;             ///< 16 * blocks
  std::vector<int> slot_of;  ///< [rows]

  /// Windows are runs of bytes: run r of the window at a pixel begins at pixel corners[pixel] +
  /// runs[r] of the bordered input and has run_bytes bytes from the group's first channel on;
  /// column c of a row is byte c % run_bytes of run c / run_bytes.
  std::vector<uint32_t> corners;
  std::vector<int32_t> runs;
  int run_bytes = 0;
  int run_words = 0;  ///< of 4 bytes

  /// matrix: [block][run][word][16 rows][4 bytes], 0 after a run; depthwise: [block][run][16].
  AlignedVector<int8_t> weights;
  /// matrix of one group: [column][slots].
  AlignedVector<int8_t> columns;
  /// Accumulator = base + unit * sum.
  std::vector<int32_t> base;  // [slots]
  int unit = 1;
  Activation activation;  ///< unless accumulator_output; nothing for maximum, concat

  std::vector<std::vector<int32_t>> tables;  ///< add: [inputs][levels]
  /// add of two with the same thresholds in every channel: [levels][levels], of the output.
  std::vector<uint8_t> pairs;

  size_t block_bytes() const {
    return static_cast<size_t>(block_rows) *
           (work == LevelWork::depthwise ? runs.size()
                                         : runs.size() * static_cast<size_t>(run_words) * 4);
  }
  /// Where `weights` holds that of a slot's column.
  size_t weight_at(int slot, int column) const;
  /// Output pixels whose windows cover pixels of `changed`.
  Area reached(const Area& changed) const;
};

class LevelNetwork {
 public:
  /// `network` must pass validate() and hold kinds of layer_kinds() only. Throws InputError for
  /// tensors too large to address.
  explicit LevelNetwork(Network network);

  const Network& network() const { return network_; }
  int last_tensor() const { return network_.tensors() - 1; }
  const LevelTensor& tensor(int index) const { return tensors_[static_cast<size_t>(index)]; }
  const LevelLayer& layer(int index) const { return layers_[static_cast<size_t>(index)]; }
  const std::vector<int>& consumers(int tensor) const {
    return consumers_[static_cast<size_t>(tensor)];
  }
  /// 0, 1, .. count-1, for as many as a layer has output pixels or blocks.
  std::span<const int> counting(int count) const {
    return {numbers_.data(), static_cast<size_t>(count)};
  }
  std::span<const int> all_pixels(const LevelLayer& layer) const {
    return counting(layer.output.pixels());
  }
  std::span<const int> all_blocks(const LevelLayer& layer) const {
    return counting(static_cast<int>(layer.blocks.size()));
  }

 private:
  const Network network_;
  std::vector<LevelTensor> tensors_;         // [tensors]
  std::vector<LevelLayer> layers_;           // [layers]
  std::vector<std::vector<int>> consumers_;  // [tensors]
  std::vector<int> numbers_;
};

/// Values <-> bytes (with border); the result of sums has none.
void store_values(const LevelTensor& layout, const Tensor& values, uint8_t* bytes);
Tensor load_values(const LevelTensor& layout, const uint8_t* bytes);

}  // namespace stuckat::fast
