// The PE array: executes one layer after the other, tile by tile.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <systemc>
#include <vector>

#include "models/common/protected_core.h"
#include "models/loopback/activation_module.h"
#include "models/loopback/timing.h"
#include "models/memory/fetch_module.h"

namespace stuckat::loopback {

struct LayerCommand {
  int index = 0;       ///< in LoopbackPlan::layers
  int64_t start = 0;   ///< cycle of the first step, if its weights are there
  int64_t origin = 0;  ///< cycle that transient faults count from
};
std::ostream& operator<<(std::ostream& stream, const LayerCommand& command);

struct LayerDone {
  int64_t cycle = 0;  ///< in which the last output is in the buffer
  LayerCycles cycles;
};
std::ostream& operator<<(std::ostream& stream, const LayerDone& done);

/// One step a cycle: for each tile, for each pass, for each fold of the tile, the synapse fold.
class PeArrayModule : public sc_core::sc_module {
 public:
  sc_core::sc_port<ActivationPort> activations;
  sc_core::sc_fifo_in<LayerCommand> commands;
  sc_core::sc_fifo_in<memory::Moved> bank_full;  ///< in the order of the tiles
  sc_core::sc_fifo_out<int64_t> bank_free;       ///< cycles, in the order of the tiles
  sc_core::sc_fifo_out<LayerDone> done;
  /// Puts the bytes of a tile of a layer of the plan into its core, before the tile's first step.
  /// Unset: the cores have their weights.
  std::function<void(int index, const WeightTile& tile, const std::vector<uint8_t>& bytes)> load;

  /// cores: one for each of plan.layers. All three outlive the module.
  PeArrayModule(const sc_core::sc_module_name& name, const LoopbackAccelerator& accelerator,
                const LoopbackPlan& plan, std::vector<ProtectedCore>& cores);

 private:
  void execute();
  /// start: of the tile, in the cycles that transient faults count.
  void compute(int index, const WeightTile& tile, int64_t start);
  void compute_in_steps(int index, const WeightTile& tile, int64_t start, int pixel);

  const LoopbackAccelerator& accelerator_;
  const LoopbackPlan& plan_;
  std::vector<ProtectedCore>& cores_;
  std::vector<int32_t> outputs_;
};

}  // namespace stuckat::loopback
