// Off-chip memory behind a burst interface, and the part that moves weights, images and results.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <systemc>

#include "models/loopback/accelerator.h"

namespace stuckat::loopback {

/// What the fetch part asks of a memory, in stamped cycles.
class BurstMemory : public virtual sc_core::sc_interface {
 public:
  /// A burst of `bytes`, at most burst_bytes, requested at cycle `request`; requests come in order.
  /// Returns the cycle in which the last byte is there, at least one after `request`.
  virtual int64_t transfer(int64_t request, int64_t bytes) = 0;
};

/// One data bus: bursts in the order of their requests, each latency_cycles behind its request and
/// behind the burst before it.
class MemoryModule : public sc_core::sc_module, public BurstMemory {
 public:
  MemoryModule(const sc_core::sc_module_name& name, const MemoryParams& params);

  int64_t transfer(int64_t request, int64_t bytes) override;

  int64_t busy_cycles() const { return busy_cycles_; }  ///< of the data bus
  int64_t bytes() const { return bytes_; }
  int64_t bursts() const { return bursts_; }

 private:
  MemoryParams params_;
  int64_t bus_free_ = 0;
  int64_t busy_cycles_ = 0;
  int64_t bytes_ = 0;
  int64_t bursts_ = 0;
};

/// One transfer of the program that the controller writes.
struct Transfer {
  enum class Kind : uint8_t { weights, activations };
  Kind kind = Kind::weights;
  int64_t bytes = 0;
  int64_t not_before = 0;  ///< activations: the cycle in which there is something to move
};
std::ostream& operator<<(std::ostream& stream, const Transfer& transfer);

/// Serves the program in order. Weights wait for a free bank and fill it; banks take turns.
class FetchModule : public sc_core::sc_module {
 public:
  sc_core::sc_port<BurstMemory> memory;
  sc_core::sc_fifo_in<Transfer> program;
  sc_core::sc_fifo_in<int64_t> bank_free;   ///< cycles, in the order of the tiles
  sc_core::sc_fifo_out<int64_t> bank_full;  ///< cycles, in the order of the tiles
  sc_core::sc_fifo_out<int64_t> moved;      ///< cycle in which activations have been moved

  FetchModule(const sc_core::sc_module_name& name, const MemoryParams& params);

  int64_t busy_cycles() const { return busy_cycles_; }  ///< a transfer is under way

 private:
  void serve();
  int64_t move(int64_t start, int64_t bytes);

  MemoryParams params_;
  int64_t busy_cycles_ = 0;
};

}  // namespace stuckat::loopback
