// Accelerators as the command line names them: PREFIX:..., of the families that the program knows.
#pragma once

#include <string>

#include "models/accelerator.h"
#include "models/family.h"
#include "workloads/network.h"

namespace stuckat::cli {

/// The families of this program: the built-in ones until use_families() says otherwise, which a
/// main() may do once, before any command.
const Families& families();
void use_families(Families families);

/// Throws InputError on an unknown name or an accelerator that the network does not fit.
AcceleratorPtr parse_accelerator(const std::string& name, const Network& network);
/// Help for --accelerator.
std::string accelerator_help();

}  // namespace stuckat::cli
