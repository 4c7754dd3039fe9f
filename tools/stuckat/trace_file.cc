#include "tools/stuckat/trace_file.h"

#include <sstream>

#include "models/common/trace_vcd.h"
#include "tools/stuckat/command_line.h"

namespace stuckat::cli {

const char* const trace_help =
    "what happened when, for ui.perfetto.dev or chrome://tracing, where 1 us is 1 cycle ('-': "
    "standard output); NAME.vcd: for wave viewers";

void write_trace(const std::string& path, const std::function<void(std::ostream&)>& write) {
  if (!path.ends_with(".vcd")) return write_file(path, write);
  std::ostringstream trace;
  write(trace);
  write_file(path, [&](std::ostream& out) { write_vcd(trace.str(), out); });
}

}  // namespace stuckat::cli
