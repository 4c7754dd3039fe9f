// The activation buffers as the array and the controller reach them.
#pragma once

#include <cstdint>
#include <systemc>
#include <vector>

#include "faultmaps/fault_map.h"
#include "models/loopback/activation_buffers.h"

namespace stuckat::loopback {

/// Before each image begin_image(). Calls of one layer: open, windows and writes in any order,
/// keep. When they happen is up to the caller; the ports of both buffers never make anyone wait.
/// The cycles are looked at by transients alone.
class ActivationPort : public virtual sc_core::sc_interface {
 public:
  virtual void begin_image() = 0;
  virtual void open(int tensor) = 0;
  virtual bool has_flips() const = 0;
  virtual const int32_t* window(const Layer& layer, int pixel, int group) = 0;
  /// Column c as it is read in cycle cycles[c / simd].
  virtual const int32_t* window(const Layer& layer, int pixel, int group, const int64_t* cycles,
                                int simd) = 0;
  virtual void write(int pixel, int first_channel, int count, const int32_t* values,
                     int64_t cycle) = 0;
  /// The last word has been written: the tensor as it is at the beginning of `cycle`.
  virtual void close(int64_t cycle) = 0;
  virtual const std::vector<Tensor>& written() const = 0;
  virtual void keep() = 0;
  /// A layer without weights that reads from the buffers and writes back.
  virtual void move(int layer) = 0;
};

class ActivationModule : public sc_core::sc_module, public ActivationPort {
 public:
  ActivationModule(const sc_core::sc_module_name& name, const Network& network,
                   const ActivationMemory& memory)
      : sc_module(name), buffers_(network, memory) {}

  /// A validated fault of the buffers; before the first image.
  void arm(const Fault& fault) {
    const auto [buffer, address, bit, unused] = fault.coordinates;
    if (fault.is_flip()) return buffers_.flip(buffer, address, bit, fault.flip_cycle);
    buffers_.stick(buffer, address, bit, fault.value != 0);
  }
  void begin_image() override { buffers_.begin_image(); }
  void open(int tensor) override { buffers_.open(tensor); }
  const int32_t* window(const Layer& layer, int pixel, int group) override {
    return buffers_.window(layer, pixel, group);
  }
  bool has_flips() const override { return buffers_.has_flips(); }
  const int32_t* window(const Layer& layer, int pixel, int group, const int64_t* cycles,
                        int simd) override {
    return buffers_.window(layer, pixel, group, cycles, simd);
  }
  void write(int pixel, int first_channel, int count, const int32_t* values,
             int64_t cycle) override {
    buffers_.write(pixel, first_channel, count, values, cycle);
  }
  void close(int64_t cycle) override { buffers_.close(cycle); }
  const std::vector<Tensor>& written() const override { return buffers_.written(); }
  void keep() override { buffers_.keep(); }
  void move(int layer) override { buffers_.move(layer); }

 private:
  ActivationBuffers buffers_;
};

}  // namespace stuckat::loopback
