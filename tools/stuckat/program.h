// All of the `stuckat` command but main(): a program with families of its own calls use_families()
// (accelerator.h) and then this.
#pragma once

#include "tools/stuckat/commands.h"

namespace stuckat::cli {

/// Finds the command that arguments[0] names and runs it; bad input becomes one line on standard
/// error. Returns the exit code: 0, 1 for a failure, 2 for bad input.
int run_program(const Arguments& arguments);

}  // namespace stuckat::cli
