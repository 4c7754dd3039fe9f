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

  /// Buffer 0 is the next one to be written.
  void begin_image() { writes_to_ = 0; }
  /// Opens the written buffer for tensor `tensor` of the network and the pools that directly
  /// follow it: they sit on the way in, as running maxima.
  void open(const Network& network, int tensor);
  /// Channels first_channel .. first_channel + count - 1 of pixel `pixel` of the open tensor.
  void write(int pixel, int first_channel, int count, const int32_t* values);
  /// The written buffer becomes the one that is read; open() comes next.
  void swap();

  /// The window under output pixel `pixel` in column order, [layer.columns()]; valid until the next
  /// call. Positions outside the image hold layer.input_format.padding_value().
  const int32_t* window(const Layer& layer, int pixel);

  /// What was written since open(), before swap(): the tensor and one for each pool behind it.
  const std::vector<Tensor>& written() const { return written_; }
  /// What is read.
  const Tensor& read() const { return read_; }

 private:
  /// Storage that can break: bytes up to the last broken one, empty while nothing is.
  struct StuckBytes {
    std::vector<uint8_t> keep;
    std::vector<uint8_t> set;
  };

  void write_element(size_t level, int y, int x, int channel, int32_t value);
  int32_t stored(int pixel, int channel, int32_t value) const;

  StuckBytes stuck_[2];
  size_t writes_to_ = 0;
  int bits_ = 1;  // of an element of what the written buffer keeps
  int pixel_bytes_ = 1;
  bool accumulators_ = false;
  NumberFormat format_;
  std::vector<const Layer*> pools_;
  std::vector<Tensor> written_;  // [1 + pools_.size()], the last one is what the buffer keeps
  Tensor read_;
  std::vector<int32_t> window_;
};

}  // namespace stuckat::loopback
