// Cycle-level runs as JSON: `stuckat sim --json` writes it, `stuckat report --sim` reads it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/report/report.h"

namespace stuckat::cli {

nlohmann::ordered_json to_json(const report::Simulation& simulation);

/// Throws InputError(path, key and value, expected) on anything but what to_json() writes.
report::Simulation read_simulation(const std::string& path);

}  // namespace stuckat::cli
