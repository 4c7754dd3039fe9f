// Values of options that are written in a form of their own.
#pragma once

#include <string>
#include <vector>

#include "tools/stuckat/command_line.h"
#include "workloads/shard.h"

namespace stuckat::cli {

/// "a,b,c": names, empty ones left out.
std::vector<std::string> split_list(const std::string& list);

/// "0.1,0.2": numbers within the range; none where there is no such option. Throws
/// InputError("--name", ...).
std::vector<double> reals(const CommandLine& line, const std::string& name, double low,
                          double high);

/// "--shard I/N"; all of it where there is none. Throws InputError("--shard", ...).
Shard shard_option(const CommandLine& line);

}  // namespace stuckat::cli
