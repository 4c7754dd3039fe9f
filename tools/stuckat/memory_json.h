// What `stuckat memory`, `stuckat sharpness` and `stuckat info model --data` wrote with --json,
// read back for the report.
#pragma once

#include <string>

#include "tools/report/report.h"

namespace stuckat::cli {

/// Throws InputError(path, ...) on anything but what the command writes.
report::MemoryLots read_memory_lots(const std::string& path, const std::string& label);
report::Sharpness read_sharpness(const std::string& path, const std::string& label);
report::Zeros read_zeros(const std::string& path, const std::string& label);

}  // namespace stuckat::cli
