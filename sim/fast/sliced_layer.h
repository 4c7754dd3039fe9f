// Convolutions over few channels with pixels as the bits of words: where channels do not fill the
// words of the dense path, pixels do.
//
// A row's margin is counted for all output pixels at once, one bit of its number in each word of a
// counter. A weight w > 0 counts every plane of its input, shifted by the position in the window, w
// times up; w < 0 counts it down.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sim/fast/aligned_vector.h"
#include "sim/fast/layer_patch.h"
#include "sim/fast/packed_layer.h"

namespace stuckat::fast {

/// A tensor of planes. Pixel (y, x) of a plane is its bit y * pitch + x; what lies beyond an image
/// row's end, and beyond the last row, means nothing.
struct SlicedTensor {
  static constexpr int vector_words = 8;  ///< a plane begins at every multiple of these
  static constexpr int widest = 32;

  SlicedTensor() = default;
  /// always: planes that are always set, and are not held.
  SlicedTensor(const TensorLayout& layout, int pitch, int always);

  int channels = 0;
  int height = 0;
  int width = 0;
  int pitch = 0;  ///< 8, 16 or 32
  int always = 0;
  int planes = 0;  ///< of a channel, without those that are always set
  int words = 0;   ///< of a plane

  size_t channel_words() const { return static_cast<size_t>(planes * words); }
  size_t total_words() const { return static_cast<size_t>(channels) * channel_words(); }
  /// Which bits of a plane are pixels.
  AlignedVector<uint64_t> pixels() const;
};

/// The weights of a convolution as lists of what they count.
class SlicedLayer {
 public:
  /// Stride 1, no padding, one window for each output pixel.
  static bool fits(const PackedLayer& layer);

  /// `layer` outlives it; `input` and `output` are its tensors.
  SlicedLayer(const Layer& of, const PackedLayer& layer, const TensorLayout& layout,
              const SlicedTensor& input, const SlicedTensor& output);

  /// Can every row of it be counted? If not, nothing else may be asked.
  bool holds() const { return bits_ > 0; }
  bool holds(const LayerPatch& patch) const;
  /// Until restore() of the same.
  void patch(const LayerPatch& patch);
  void restore(const LayerPatch& patch);

  /// What a row counts down or up, in units of vector_words words of the shifted input.
  struct List {
    const uint16_t* entries;  ///< entries beyond `count` are 0, which counts nothing
    int count;
  };
  List list(int row, bool up) const {
    const auto at = static_cast<size_t>(row * 2 + (up ? 1 : 0));
    return {entries_.data() + at * capacity_, counts_[at]};
  }
  /// What the counter of a comparator begins with.
  int32_t offset(int row, int threshold) const {
    const int32_t margin = margins_[static_cast<size_t>(threshold * layer_->rows_padded + row)];
    const int64_t always =
        int64_t{input_.always - reference_} * weight_sums_[static_cast<size_t>(row)];
    // Beyond what the counts can make good, it does not matter how far.
    return static_cast<int32_t>(std::clamp<int64_t>(margin + always, -most() - 1, most()));
  }

  /// Planes of counters: 12 or 14.
  int counter_bits() const { return bits_; }
  int64_t counted() const {
    return counted_;
  }  ///< entries of all rows, as they are without a patch
  const PackedLayer& layer() const { return *layer_; }
  const SlicedTensor& input() const { return input_; }
  const SlicedTensor& output() const { return output_; }

  /// The input under every position of the window: first words that are 0, as many as a plane of
  /// the output has, then [channel][plane][position] of those.
  size_t shifted_words() const;
  size_t shifted_begin(int channel, int plane) const {
    const auto before = static_cast<size_t>((channel * input_.planes + plane) * positions() + 1);
    return before * static_cast<size_t>(output_.words);
  }

 private:
  int positions() const { return layer_->kernel_height * layer_->kernel_width; }
  int32_t most() const { return (1 << (bits_ - 2)) - 1; }
  void write(int row, int column, int weight, int at);
  void append(int row, int column, int weight);

  const PackedLayer* layer_ = nullptr;
  SlicedTensor input_;
  SlicedTensor output_;
  int reference_ = 0;
  int bits_ = 0;
  size_t capacity_ = 0;
  std::vector<uint16_t> entries_;          // [row][down, up][capacity_]
  std::vector<int32_t> counts_;            // [row][down, up]
  std::vector<int32_t> right_counts_;      // likewise, without a patch
  std::vector<uint16_t> places_;           // [row][column]: where its entries begin in its list
  std::vector<uint16_t> column_entries_;   // [column][plane]
  std::vector<int32_t> weight_sums_;       // [row]
  std::vector<int32_t> right_magnitudes_;  // [row]: sum of |weight|
  std::vector<int32_t> margins_;           // PackedLayer::base_margin
  int64_t counted_ = 0;
};

}  // namespace stuckat::fast
