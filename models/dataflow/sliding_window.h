// Sliding-window buffer: pixels in, one word at a time in raster order; windows out in the column
// order of the MVTU (ky, kx, channel), or for a pool (word of channels, ky, kx). The buffer holds
// the rows of a window and those that are read for the next one.
#pragma once

#include <cstdint>
#include <vector>

#include "models/dataflow/accelerator.h"

namespace stuckat::dataflow {

/// Loop bounds of one image; docs/hardware.md, sliding-window unit.
struct WindowShape {
  Extent kernel;
  Extent stride;
  int height = 1;  ///< of the (padded) input
  int width = 1;
  int out_height = 1;
  int out_width = 1;
  int words_per_pixel = 1;  ///< m = channels / SIMD
  WindowVersion version = WindowVersion::hls;
  bool by_channels = false;  ///< all pixels of a window for one word, then for the next (FINN:
                             ///< ConvolutionInputGenerator with depthwise = 1)

  int64_t words_per_row() const { return int64_t{width} * words_per_pixel; }
  /// HLS: K rows.
  int64_t words_loaded_first() const { return kernel.height * words_per_row(); }
  int64_t words_written_per_row() const {
    return int64_t{out_width} * kernel.height * kernel.width * words_per_pixel;
  }
  int64_t words_read_per_row() const { return stride.height * words_per_row(); }
  int64_t words_per_image() const { return height * words_per_row(); }
  /// HLS: IFM*K*m + OFM*max(OFM*K*K*m, stride*IFM*m)
  int64_t cycles_per_image() const;
  /// RTL: words of the ring. A window, and where strides are wide what is read while one is written
  /// (FINN's generator: get_buffer_depth).
  int64_t ring_words() const;
  /// RTL: the steps to the next window and to the next row lie within the ring.
  bool fits_ring() const;

  bool operator==(const WindowShape&) const = default;
};

/// Of a layer whose words hold `simd` channels; by channels where it is a pool, or
/// has groups.
WindowShape window_shape(const Layer& layer, int simd, WindowVersion version);
/// One of a kernel of one pixel is parallel in RTL, whatever is asked for.
WindowVersion window_version(const Layer& layer, const LayerParams& params);

class SlidingWindow {
 public:
  SlidingWindow(const WindowShape& shape, int limbs);

  /// Rows that a buffer for such windows holds: those of a window and those read for the next one.
  static int row_slots(const WindowShape& shape) {
    return shape.kernel.height + shape.stride.height;
  }

  /// Bit `bit` of word `word` of a cell reads `one` from now on. Before the first word.
  void stick(int slot, int column, int word, int bit, bool one);

  /// A transient: what the cell holds at the beginning of `cycle` has the bit inverted.
  void flip(int slot, int column, int word, int bit, int64_t cycle);
  /// A step starts in `cycle`: flips until then have happened.
  void settle(int64_t cycle) {
    if (!flips_.empty()) settle_flips(cycle);
  }

  void begin_image();
  /// The next word of the image.
  void write(const uint64_t* word);
  /// The next word of the windows.
  void read(uint64_t* word);

 private:
  WindowShape shape_;
  int limbs_;
  int rows_;                     // row slots
  std::vector<uint64_t> cells_;  // [rows_][width][words_per_pixel][limbs]
  std::vector<uint64_t> keep_;   // as cells_, or empty: every bit is healthy
  std::vector<uint64_t> set_;
  struct Flip {
    int64_t cell;
    int bit;
    int64_t cycle;
  };
  std::vector<Flip> flips_;  // those to come
  int64_t cell_of(int slot, int column, int word) const {
    return slot * shape_.words_per_row() + column * shape_.words_per_pixel + word;
  }
  void settle_flips(int64_t cycle);
  int64_t written_ = 0;  // position of the next word in cells_, in words
  // Position of the next word to read: output pixel, kernel position, word of the pixel.
  int oy_ = 0, ox_ = 0, ky_ = 0, kx_ = 0, word_ = 0;
};

}  // namespace stuckat::dataflow
