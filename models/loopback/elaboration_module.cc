#include "models/loopback/elaboration_module.h"

#include <utility>

#include "faultmaps/buffer_flips.h"
#include "faultmaps/mitigation/protection.h"

namespace stuckat::loopback {
namespace {

ProtectedCore armed_core(const Layer& layer, const PeArray& array, const ArrayUse& use,
                         const Placement& placement, const Network& network,
                         const FaultMap& faults) {
  ProtectedCore core(layer, array, use, protection_of(placement, array.name, network));
  for (const Fault& fault : faults.faults) {
    if (protected_array(placement, fault.part) == array.name) core.arm(fault);
  }
  return core;
}

std::vector<ProtectedCore> armed_cores(const Network& network, const Placement& placement,
                                       const PeArray& array, const FaultMap& faults) {
  std::vector<ProtectedCore> cores;
  for (const ArrayUse& use : array.uses) {
    cores.push_back(armed_core(network.layers[static_cast<size_t>(use.layer)], array, use,
                               placement, network, faults));
  }
  return cores;
}

}  // namespace

ElaboratedArray::ElaboratedArray(const Network& of_network, const LoopbackAccelerator& loopback,
                                 const Placement& placed, const LoopbackPlan& plan,
                                 const FaultMap& fault_map, const memory::FetchParams& fetch_params,
                                 ControllerModule::Hooks hooks)
    : network(of_network),
      accelerator(loopback),
      placement(placed),
      pe_array(placement.arrays.front()),
      faults(fault_map),
      cores(armed_cores(network, placement, pe_array, faults)),
      fetch("weight_fetch", fetch_params),
      activations("activations", network, placement.memories.front()),
      array("array", loopback, plan, cores),
      controller("controller", network, loopback, plan, std::move(hooks)) {
  fetch.program(program);
  fetch.bank_free(bank_free);
  fetch.bank_full(bank_full);
  fetch.moved(moved);
  array.activations(activations);
  array.commands(commands);
  array.bank_full(bank_full);
  array.bank_free(bank_free);
  array.done(done);
  controller.activations(activations);
  controller.program(program);
  controller.moved(moved);
  controller.commands(commands);
  controller.done(done);
  for (const Fault& fault : faults.faults) {
    if (fault.kind != SiteKind::buffer_activation) continue;
    if (fault.is_flip()) refuse_buffer_flip(network, placement);
    activations.arm(fault);
  }
}

void ElaboratedArray::restart() {
  fetch.restart();
  int64_t cycle = 0;
  while (bank_free.nb_read(cycle)) {
  }
  for (int bank = 0; bank < accelerator.weight_banks(); ++bank) bank_free.nb_write(0);
}

void ElaboratedArray::load(int index, const Layer& layer) {
  const auto at = static_cast<size_t>(index);
  cores[at] = armed_core(layer, pe_array, pe_array.uses[at], placement, network, faults);
}

}  // namespace stuckat::loopback
