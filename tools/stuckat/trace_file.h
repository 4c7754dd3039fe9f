// Where --trace goes.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

namespace stuckat::cli {

/// What `write` traces as the file, "-" for standard output; NAME.vcd as a value change dump.
void write_trace(const std::string& path, const std::function<void(std::ostream&)>& write);

/// Help for --trace.
extern const char* const trace_help;

}  // namespace stuckat::cli
