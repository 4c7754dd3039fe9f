// The systolic array as a SystemC module: executes one layer after the other, product by product.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <systemc>
#include <vector>

#include "models/accelerator.h"
#include "models/systolic/array_core.h"
#include "models/systolic/plan.h"

namespace stuckat::systolic {

/// A layer on its whole input.
struct LayerCommand {
  int index = 0;                  ///< in Plan::layers
  int64_t start = 0;              ///< cycle of the run
  const Tensor* input = nullptr;  ///< lives until the layer is done
};
std::ostream& operator<<(std::ostream& stream, const LayerCommand& command);

struct LayerDone {
  int64_t cycle = 0;  ///< first cycle in which the array is free again
  GemmCycles cycles;
  Tensor output;
};
std::ostream& operator<<(std::ostream& stream, const LayerDone& done);

/// Values of a product are worked out when it begins, its end is stamped: no event for a cycle, and
/// none for a PE.
class ArrayModule : public sc_core::sc_module {
 public:
  sc_core::sc_fifo_in<LayerCommand> commands;
  sc_core::sc_fifo_out<LayerDone> done;

  /// cores: one for each of plan.layers. Both outlive the module.
  ArrayModule(const sc_core::sc_module_name& name, const Plan& plan, std::vector<ArrayCore>& cores,
              const Network& network);

 private:
  void execute();

  const Plan& plan_;
  std::vector<ArrayCore>& cores_;
  const Network& network_;
};

/// Sends layers to the array, image after image; what has no weights happens on the way into the
/// buffer, or reads from it while the array waits. A tensor is given up with the last layer that
/// reads it, unless all are kept.
class ControllerModule : public sc_core::sc_module {
 public:
  sc_core::sc_fifo_out<LayerCommand> commands;
  sc_core::sc_fifo_in<LayerDone> done;

  struct Image {
    std::vector<Tensor> tensors;  // [tensor]
    int64_t begin = 0;
    int64_t end = 0;
    std::vector<CycleSpan> spans;  // [tensor]
  };
  /// images outlives the module: tensor 0 of each is there.
  ControllerModule(const sc_core::sc_module_name& name, const Plan& plan, const Network& network,
                   bool keep_tensors, std::vector<Image>& images);
  /// Told of each image that is done how many are; may be unset.
  std::function<void(int64_t images)> on_image;

 private:
  void run();

  const Plan& plan_;
  const Network& network_;
  std::vector<std::vector<int>> read_last_;  // [layer]: tensors that no later layer reads
  std::vector<Image>& images_;
};

}  // namespace stuckat::systolic
