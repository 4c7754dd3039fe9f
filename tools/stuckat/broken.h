// What is broken, as the options of several commands name it: hardware, or elements of the network.
#pragma once

#include <string>

#include "tools/stuckat/command_line.h"
#include "tools/studies/whatif.h"

namespace stuckat::cli {

/// Where --accelerator is not given but --fault-map is: the accelerator that the file names.
/// `map`: the option or argument that names the file.
void take_accelerator_of_map(CommandLine& line, const std::string& map = "fault-map");

/// Are the faults of --fault in the network alone: channels, pixels, elements, weights? They need
/// no hardware. Throws InputError for some of them together with broken hardware.
bool only_elements(const CommandLine& line, const Network& network, const std::string& prefix = "");

/// The network under the faults of the options in a run of `images`. The accelerator, which
/// `accelerator` names, is null where the faults need none.
studies::BrokenNetwork load_broken(const CommandLine& line, const Network& network, int64_t images,
                                   const std::string& accelerator, const std::string& prefix = "");

}  // namespace stuckat::cli
