// Accelerators as the command line names them: dataflow:NAME|FILE and loopback:PExSIMD|FILE.
#pragma once

#include <string>
#include <variant>

#include "faultmaps/placement.h"
#include "models/dataflow/accelerator.h"
#include "models/loopback/accelerator.h"
#include "workloads/network.h"

namespace stuckat::cli {

using Accelerator = std::variant<dataflow::DataflowAccelerator, loopback::LoopbackAccelerator>;

/// Throws InputError on an unknown name or an accelerator that the network does not fit.
Accelerator parse_accelerator(const std::string& text, const Network& network);
Placement place_on(const Accelerator& accelerator, const Network& network);
/// The same in a run of `images` images back to back, which transients need.
Placement place_on(const Accelerator& accelerator, const Network& network, int64_t images);
/// Help for --accelerator.
std::string accelerator_help();

}  // namespace stuckat::cli
