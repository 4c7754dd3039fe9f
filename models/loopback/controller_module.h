// The controller: brings an image in, starts the layers one after the other, brings the result out.
#pragma once

#include <cstdint>
#include <functional>
#include <systemc>
#include <vector>

#include "models/loopback/pe_array_module.h"
#include "models/memory/fetch_module.h"
#include "models/memory/job.h"

namespace stuckat::loopback {

using memory::Job;

class ControllerModule : public sc_core::sc_module {
 public:
  sc_core::sc_port<ActivationPort> activations;
  sc_core::sc_fifo_out<memory::Transfer> program;
  sc_core::sc_fifo_in<memory::Moved> moved;
  sc_core::sc_fifo_out<LayerCommand> commands;
  sc_core::sc_fifo_in<LayerDone> done;

  /// What the surroundings have to say and want to know.
  struct Hooks {
    /// Tensor plan.input_tensor of an image, of which memory held `bytes`.
    std::function<Tensor(int64_t image, const std::vector<uint8_t>& bytes)> input;
    /// Tensors `first`, first + 1, ... of an image as they come out of the array; may be unset.
    std::function<void(int64_t image, int first, const std::vector<Tensor>& tensors)> written;
    /// The result is in memory.
    std::function<void(int64_t image, const ImageCycles& cycles)> stored;
    /// No further image is to be begun; may be unset.
    std::function<bool()> stopped;
  };

  /// All references outlive the module.
  ControllerModule(const sc_core::sc_module_name& name, const Network& network,
                   const LoopbackAccelerator& accelerator, const LoopbackPlan& plan, Hooks hooks);

  /// In a thread of the caller: runs the images one after the other, and returns the cycle in which
  /// the last result is in memory.
  int64_t run(const Job& job);

 private:
  bool run_image(int64_t image, bool first_tile_is_there);
  int64_t move(int64_t bytes, uint64_t address, std::vector<uint8_t> store, memory::Moved& result);
  void load(int64_t image, const std::vector<uint8_t>& bytes);
  void request_tiles(size_t layer, size_t first, size_t last);
  void move_before(size_t layer, int64_t image, ImageCycles& cycles);
  void keep(int64_t image, int first);

  const Network& network_;
  const LoopbackAccelerator& accelerator_;
  const LoopbackPlan& plan_;
  Hooks hooks_;
  Job job_;
  int64_t now_ = 0;
  size_t next_move_ = 0;         // of the plan
  std::vector<uint8_t> result_;  // of the image
};

}  // namespace stuckat::loopback
