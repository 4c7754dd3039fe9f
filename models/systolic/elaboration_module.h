// The modules of a systolic accelerator, bound to each other: all but the memory.
#pragma once

#include <memory>
#include <systemc>
#include <vector>

#include "faultmaps/fault_map.h"
#include "models/memory/stuck_bytes.h"
#include "models/systolic/controller_module.h"

namespace stuckat::systolic {

struct ElaboratedArray {
  /// Arms the validated map. fetch_params: of a memory; null: nothing is fetched, and there is
  /// none. All references outlive this.
  ElaboratedArray(const Network& network, const SystolicAccelerator& accelerator,
                  const SystolicArray& array, const Plan& plan, const FaultMap& faults,
                  const memory::FetchParams* fetch_params, bool keep_tensors,
                  ControllerModule::Hooks hooks);

  /// At rest, before each run: no bank and no transfer is of the past.
  void restart();
  /// The parameters of layer `index` of the plan, as the host writes them; armed faults stay armed.
  void load(int index, const Layer& layer);

  const Network& network;
  const SystolicArray& systolic;
  const Plan& plan;
  const FaultMap& faults;
  const int64_t banks;              ///< without a described memory: for all weights of an image
  const memory::StuckBytes memory;  ///< that holds the tiles, from its address 0 on
  std::vector<ArrayCore> cores;     // [plan.layers]

  std::unique_ptr<memory::FetchModule> fetch;  ///< bind fetch->memory; null: none
  ArrayModule array;
  const UnifiedBuffer buffer;
  ControllerModule controller;

  sc_core::sc_fifo<memory::Transfer> program;
  sc_core::sc_fifo<int64_t> bank_free;
  sc_core::sc_fifo<memory::Moved> bank_full;
  sc_core::sc_fifo<memory::Moved> moved{"moved"};
  sc_core::sc_fifo<LayerCommand> commands{"commands"};
  sc_core::sc_fifo<LayerDone> done{"done"};
};

}  // namespace stuckat::systolic
