// Ways to protect as JSON: `stuckat protect --json` writes it, `stuckat report --protection` reads
// it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/protect/measures.h"
#include "tools/report/report.h"

namespace stuckat::cli {

nlohmann::ordered_json to_json(const protect::Candidate& candidate);
nlohmann::ordered_json to_json(const protect::RescheduledPe& pe);

/// One for each campaign that was evidence. Throws InputError(path, ...) on anything but what
/// 'stuckat protect --json' writes.
std::vector<report::Protection> read_protections(const std::string& path, const std::string& label);

}  // namespace stuckat::cli
