// The two activation buffers of a loopback accelerator: tensors lie in them until the last layer
// has read them (activation_plan.h), and what cannot wait is done on the way in. Values only, no
// time.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/placement.h"
#include "models/memory/stuck_bytes.h"
#include "workloads/network.h"

namespace stuckat::loopback {

class ActivationBuffers {
 public:
  /// The network outlives it; memory: where its tensors lie.
  ActivationBuffers(const Network& network, const ActivationMemory& memory);

  /// Bit `bit` of a byte of buffer 0 or 1 reads `one` from now on; faultmaps/placement.h,
  /// ActivationMemory, has the address map. Before the first image.
  void stick(int buffer, int address, int bit, bool one);

  /// A transient: what the byte holds at the beginning of `cycle` has the bit inverted.
  void flip(int buffer, int address, int bit, int64_t cycle);
  bool has_flips() const { return !flips_.empty(); }

  /// Nothing is in the buffers.
  void begin_image();
  /// Tensor `tensor` comes next, with the layers that follow it on the way in. Max-pools that are
  /// the last of them are running maxima in the buffer.
  void open(int tensor);
  /// Channels first_channel .. first_channel + count - 1 of pixel `pixel` of the open tensor, in
  /// `cycle` (transients alone look at it): flips until then hit what was there before.
  void write(int pixel, int first_channel, int count, const int32_t* values, int64_t cycle = 0);
  /// Nothing more is written; flips until `cycle` have hit the tensor.
  void close(int64_t cycle);
  /// What was written can be read; open() comes next.
  void keep();
  /// open(), close() and all writes of a layer that moves what it reads from buffer to buffer.
  void move(int layer);

  /// The window of a group under output pixel `pixel` in column order, [layer.columns()]; valid
  /// until the next call. Positions outside the image hold layer.input_format.padding_value().
  const int32_t* window(const Layer& layer, int pixel, int group = 0);
  /// The same with column c as it is read in cycle cycles[c / simd].
  const int32_t* window(const Layer& layer, int pixel, int group, const int64_t* cycles, int simd);

  /// What was written since open(), before keep(): the tensor and one for each layer after it.
  const std::vector<Tensor>& written() const { return written_; }
  /// A tensor that is kept.
  const Tensor& read(int tensor) const { return kept_[static_cast<size_t>(tensor)].tensor; }

 private:
  /// How a tensor lies in its buffer.
  struct Layout {
    int buffer = 0;
    int address = 0;
    int bits = 1;  // of an element
    int pixel_bytes = 1;
    bool accumulators = false;
    NumberFormat format;
  };
  struct Kept {
    Tensor tensor;
    Layout layout;
    int64_t closed = 0;  // cycle of close()
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
  int32_t stored(const Layout& layout, int pixel, int channel, int32_t value,
                 uint32_t inverted = 0) const;
  /// The bit of the code of this element that the flip inverts, or 0.
  static uint32_t bit_of(const Flip& flip, const Layout& layout, int pixel, int channel);
  void flip_until(int64_t cycle, int pixel, int channel, int32_t& value);

  bool is_healthy() const { return stuck_[layout_.buffer].is_healthy(); }
  void follow();

  const Network& network_;
  const ActivationMemory memory_;
  memory::StuckBytes stuck_[2];
  std::vector<Flip> flips_;
  std::vector<Kept> kept_;  // [tensor], while an image is run
  const ActivationMemory::Stored* open_ = nullptr;
  Layout layout_;  // of what is written
  int64_t closing_ = 0;
  std::vector<int64_t> cycles_;  // of the writes, by element of written_[0]; only for flips
  size_t first_pool_ = 0;        // of those at the end of the way, in written_
  std::vector<Tensor> written_;  // [1 + layers that follow], the last one is what the buffer keeps
  std::vector<int32_t> window_;
};

}  // namespace stuckat::loopback
