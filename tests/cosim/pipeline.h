// A chain of an accelerator below a module of its own, so that two have a place in one simulation.
#pragma once

#include "models/dataflow/elaboration_module.h"

namespace stuckat::test {

struct Pipeline : sc_core::sc_module {
  Pipeline(const sc_core::sc_module_name& name, const dataflow::Chain& chain,
           const dataflow::DataflowAccelerator& accelerator, const Network& network,
           const Placement& placement, const std::vector<std::vector<uint64_t>>& images,
           const std::vector<size_t>& left_out)
      : sc_module(name), parts(chain, accelerator, network, placement, images, left_out) {}
  dataflow::ElaboratedChain parts;
};

}  // namespace stuckat::test
