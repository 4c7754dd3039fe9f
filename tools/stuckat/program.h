// All of the `stuckat` command but main(): a program with families of its own calls use_families()
// (accelerator.h) and then this.
#pragma once

#include "tools/stuckat/commands.h"

namespace stuckat::cli {

/// Finds the command that arguments[0] names and runs it; bad input becomes one line on standard
/// error. Returns the exit code: 0; 1 for a failure of our own, or results that differ from the
/// reference; 2 for bad input; 3 for what is the machine's (a full disk, no cluster, no memory);
/// 128 and the signal where a run was interrupted.
int run_program(const Arguments& arguments);

}  // namespace stuckat::cli
