// The modules of a loopback accelerator, bound to each other: all but the memory.
#pragma once

#include <systemc>
#include <vector>

#include "faultmaps/fault_map.h"
#include "models/common/protected_core.h"
#include "models/loopback/activation_module.h"
#include "models/loopback/controller_module.h"
#include "models/loopback/pe_array_module.h"
#include "models/memory/fetch_module.h"

namespace stuckat::loopback {

struct ElaboratedArray {
  /// Arms the validated map. All references outlive this.
  ElaboratedArray(const Network& network, const LoopbackAccelerator& accelerator,
                  const Placement& placement, const LoopbackPlan& plan, const FaultMap& faults,
                  const memory::FetchParams& fetch_params, ControllerModule::Hooks hooks);

  /// At rest, after a run: no bank and no transfer is of the past.
  void restart();
  /// The parameters of layer `index` of the plan; armed faults stay armed.
  void load(int index, const Layer& layer);

  const Network& network;
  const LoopbackAccelerator& accelerator;
  const Placement& placement;
  const PeArray& pe_array;
  const FaultMap& faults;
  std::vector<ProtectedCore> cores;  // [plan.layers]

  memory::FetchModule fetch;  ///< bind fetch.memory
  ActivationModule activations;
  PeArrayModule array;
  ControllerModule controller;

  sc_core::sc_fifo<memory::Transfer> program{"program"};
  sc_core::sc_fifo<int64_t> bank_free{"bank_free"};
  sc_core::sc_fifo<memory::Moved> bank_full{"bank_full"};
  sc_core::sc_fifo<memory::Moved> moved{"moved"};
  sc_core::sc_fifo<LayerCommand> commands{"commands"};
  sc_core::sc_fifo<LayerDone> done{"done"};
};

}  // namespace stuckat::loopback
