// The controller: brings an image in, starts the layers one after the other, brings the result out.
#pragma once

#include <cstdint>
#include <functional>
#include <systemc>
#include <vector>

#include "models/loopback/memory_module.h"
#include "models/loopback/pe_array_module.h"

namespace stuckat::loopback {

class ControllerModule : public sc_core::sc_module {
 public:
  sc_core::sc_port<ActivationPort> activations;
  sc_core::sc_fifo_out<Transfer> program;
  sc_core::sc_fifo_in<int64_t> moved;
  sc_core::sc_fifo_out<LayerCommand> commands;
  sc_core::sc_fifo_in<LayerDone> done;

  /// Takes tensor `first`, first + 1, ... of image `image` as they come out of the array.
  using Sink = std::function<void(int image, int first, const std::vector<Tensor>& tensors)>;

  /// inputs: tensor plan.input_tensor of each image. All references outlive the module.
  ControllerModule(const sc_core::sc_module_name& name, const Network& network,
                   const LoopbackAccelerator& accelerator, const LoopbackPlan& plan,
                   const std::vector<Tensor>& inputs, Sink sink);

  /// Memory holds, from address 0 on: the tiles of all layers in the order of the program; the
  /// images; the results. Images and results start at a whole burst.
  uint64_t input_address(int image) const;
  uint64_t output_address(int image) const;

  const std::vector<ImageCycles>& images() const { return images_; }
  int64_t end_cycle() const { return now_; }

 private:
  void control();
  void run_image(int image);
  int64_t move(int64_t bytes, uint64_t address, std::vector<uint8_t> store = {});
  void load(int image);
  void request_tiles(const LayerPlan& layer, size_t first, size_t last);

  const Network& network_;
  const LoopbackAccelerator& accelerator_;
  const LoopbackPlan& plan_;
  const std::vector<Tensor>& inputs_;
  Sink sink_;
  std::vector<std::vector<uint64_t>> tiles_;  // [layer][tile] address
  uint64_t weights_end_ = 0;
  int64_t now_ = 0;
  std::vector<ImageCycles> images_;
};

}  // namespace stuckat::loopback
