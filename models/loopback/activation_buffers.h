// The two activation buffers of a loopback accelerator: one is read, the other written, and they
// swap roles after each layer. Values only, no time.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/network.h"

namespace stuckat::loopback {

class ActivationBuffers {
 public:
  /// Bit `bit` of a byte of buffer 0 or 1 reads `one` from now on; faultmaps/placement.h,
  /// ActivationMemory, has the address map. Before the first image.
  void stick(int buffer, int address, int bit, bool one);

  /// A transient: what the byte holds at the beginning of `cycle` has the bit inverted.
  void flip(int buffer, int address, int bit, int64_t cycle);
  bool has_flips() const { return !flips_.empty(); }

  /// Buffer 0 is the next one to be written.
  void begin_image() { writes_to_ = 0; }
  /// Opens the written buffer for tensor `tensor` of the network and the pools that directly
  /// follow it: they sit on the way in, as running maxima.
  void open(const Network& network, int tensor);
  /// Channels first_channel .. first_channel + count - 1 of pixel `pixel` of the open tensor, in
  /// `cycle` (transients alone look at it): flips until then hit what was there before.
  void write(int pixel, int first_channel, int count, const int32_t* values, int64_t cycle = 0);
  /// Nothing more is written; flips until `cycle` have hit the tensor.
  void close(int64_t cycle);
  /// The written buffer becomes the one that is read; open() comes next.
  void swap();

  /// The window under output pixel `pixel` in column order, [layer.columns()]; valid until the next
  /// call. Positions outside the image hold layer.input_format.padding_value().
  const int32_t* window(const Layer& layer, int pixel);
  /// The same, with column c as it is read in cycle cycles[c / simd].
  const int32_t* window(const Layer& layer, int pixel, const int64_t* cycles, int simd);

  /// What was written since open(), before swap(): the tensor and one for each pool after it.
  const std::vector<Tensor>& written() const { return written_; }
  /// What is read.
  const Tensor& read() const { return read_; }

 private:
  /// Storage that can break: bytes up to the last broken one, empty while nothing is.
  struct StuckBytes {
    std::vector<uint8_t> keep;
    std::vector<uint8_t> set;
  };

  /// How a tensor lies in its buffer.
  struct Layout {
    int bits = 1;  // of an element
    int pixel_bytes = 1;
    bool accumulators = false;
    NumberFormat format;
  };
  struct Flip {
    int buffer;
    int address;
    int bit;
    int64_t cycle;
    int64_t written = -1;  // last write into its element since open(); -1: none
  };

  void write_element(size_t level, int y, int x, int channel, int32_t value, int64_t cycle);
  /// What is read of a buffer where `value` was written, its bits `inverted` since.
  static int32_t stored(const StuckBytes& bytes, const Layout& layout, int pixel, int channel,
                        int32_t value, uint32_t inverted = 0);
  /// The bit of the code of this element that the flip inverts, or 0.
  static uint32_t bit_of(const Flip& flip, const Layout& layout, int pixel, int channel);
  void flip_until(int64_t cycle, int pixel, int channel, int32_t& value);

  StuckBytes stuck_[2];
  std::vector<Flip> flips_;
  int64_t closed_ = 0;  // cycle of close() of what is read
  int64_t closing_ = 0;
  size_t writes_to_ = 0;
  Layout layout_;       // of what the written buffer keeps
  Layout read_layout_;  // of what is read
  std::vector<const Layer*> pools_;
  std::vector<Tensor> written_;  // [1 + pools_.size()], the last one is what the buffer keeps
  Tensor read_;
  std::vector<int32_t> window_;
};

}  // namespace stuckat::loopback
