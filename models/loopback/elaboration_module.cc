#include "models/loopback/elaboration_module.h"

#include <utility>

namespace stuckat::loopback {
namespace {

MvtuCore armed_core(const Layer& layer, const PeArray& array, const ArrayUse& use,
                    const FaultMap& faults) {
  MvtuCore core(layer, array, use);
  for (const Fault& fault : faults.faults) {
    if (fault.part == array.name) core.arm(fault);
  }
  return core;
}

std::vector<MvtuCore> armed_cores(const Network& network, const PeArray& array,
                                  const FaultMap& faults) {
  std::vector<MvtuCore> cores;
  for (const ArrayUse& use : array.uses) {
    cores.push_back(armed_core(network.layers[static_cast<size_t>(use.layer)], array, use, faults));
  }
  return cores;
}

}  // namespace

ElaboratedArray::ElaboratedArray(const Network& network, const LoopbackAccelerator& loopback,
                                 const Placement& placement, const LoopbackPlan& plan,
                                 const FaultMap& fault_map, const FetchParams& fetch_params,
                                 ControllerModule::Hooks hooks)
    : accelerator(loopback),
      pe_array(placement.arrays.front()),
      faults(fault_map),
      cores(armed_cores(network, pe_array, faults)),
      fetch("weight_fetch", fetch_params),
      activations("activations", network),
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
    if (fault.kind == SiteKind::buffer_activation) activations.arm(fault);
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
  cores[at] = armed_core(layer, pe_array, pe_array.uses[at], faults);
}

}  // namespace stuckat::loopback
