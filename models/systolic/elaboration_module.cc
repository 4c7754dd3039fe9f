#include "models/systolic/elaboration_module.h"

#include <utility>

#include "faultmaps/buffer_flips.h"
#include "faultmaps/weight_memory.h"
#include "models/systolic/stored_tiles.h"

namespace stuckat::systolic {
namespace {

bool is_in_memory(const Fault& fault) { return fault.kind == weight_memory_kinds().parameter; }

memory::StuckBytes stuck_bytes(const FaultMap& faults) {
  memory::StuckBytes bytes;
  for (const Fault& fault : faults.faults) {
    const auto [address, bit, unused, unused_too] = fault.coordinates;
    if (is_in_memory(fault)) bytes.stick(address, bit, fault.value != 0);
  }
  return bytes;
}

ArrayCore armed_core(const SystolicArray& array, const Layer& layer, const FaultMap& faults) {
  ArrayCore core(array, layer);
  for (const Fault& fault : faults.faults) {
    const bool in_array = !is_in_memory(fault) && fault.kind != SiteKind::buffer_activation;
    if (in_array) core.arm(fault);
  }
  return core;
}

std::vector<ArrayCore> armed_cores(const Network& network, const Plan& plan,
                                   const SystolicArray& array, const memory::StuckBytes& memory,
                                   const FaultMap& faults) {
  std::vector<ArrayCore> cores;
  for (const LayerPlan& layer : plan.layers) {
    cores.push_back(
        armed_core(array, loaded_layer(layer, network.layer(layer.layer), memory), faults));
  }
  return cores;
}

UnifiedBuffer armed_buffer(const Network& network, const SystolicAccelerator& accelerator,
                           const FaultMap& faults) {
  UnifiedBuffer buffer(network);
  for (const Fault& fault : faults.faults) {
    if (fault.kind != SiteKind::buffer_activation) continue;
    if (fault.is_flip()) refuse_buffer_flip(network, place(accelerator, network));
    const auto [number, address, bit, unused] = fault.coordinates;
    buffer.stick(address, bit, fault.value != 0);
  }
  return buffer;
}

/// The transfers of an image.
int transfers(const Plan& plan) {
  size_t sum = 2;  // the image and its result
  for (const LayerPlan& layer : plan.layers) {
    for (const ProductPlan& product : layer.products) sum += product.fetches.size();
  }
  return static_cast<int>(sum);
}

}  // namespace

ElaboratedArray::ElaboratedArray(const Network& of_network, const SystolicAccelerator& accelerator,
                                 const SystolicArray& of_array, const Plan& of_plan,
                                 const FaultMap& fault_map, const memory::FetchParams* fetch_params,
                                 bool keep_tensors, ControllerModule::Hooks hooks)
    : network(of_network),
      systolic(of_array),
      plan(of_plan),
      faults(fault_map),
      banks(accelerator.memory ? accelerator.weight_tiles : transfers(plan)),
      memory(stuck_bytes(faults)),
      cores(armed_cores(network, plan, systolic, memory, faults)),
      array("array", systolic, plan, cores, network, fetch_params != nullptr),
      buffer(armed_buffer(network, accelerator, faults)),
      controller("controller", plan, network, buffer, fetch_params != nullptr, keep_tensors,
                 std::move(hooks)),
      program("program", transfers(plan)),
      bank_free("bank_free", static_cast<int>(2 * banks)),  // restart() takes and puts in a cycle
      bank_full("bank_full", static_cast<int>(banks)) {
  if (fetch_params != nullptr) {
    fetch = std::make_unique<memory::FetchModule>("weight_fetch", *fetch_params);
    fetch->program(program);
    fetch->bank_free(bank_free);
    fetch->bank_full(bank_full);
    fetch->moved(moved);
  }
  array.commands(commands);
  array.bank_full(bank_full);
  array.bank_free(bank_free);
  array.done(done);
  controller.program(program);
  controller.moved(moved);
  controller.commands(commands);
  controller.done(done);
}

void ElaboratedArray::restart() {
  if (fetch) fetch->restart();
  int64_t cycle = 0;
  while (bank_free.nb_read(cycle)) {
  }
  for (int64_t bank = 0; bank < banks; ++bank) bank_free.nb_write(0);
}

void ElaboratedArray::load(int index, const Layer& layer) {
  const auto i = static_cast<size_t>(index);
  cores[i] = armed_core(systolic, loaded_layer(plan.layers[i], layer, memory), faults);
}

}  // namespace stuckat::systolic
