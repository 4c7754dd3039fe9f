// A failure mode, effects and diagnostic analysis as a page.
#pragma once

#include <string>

#include "sim/protect/safety.h"
#include "tools/report/report.h"

namespace stuckat::report {

/// Self-contained HTML. `facts`: what was examined.
std::string safety_page(const std::string& title, const std::vector<Fact>& facts,
                        const protect::SafetyCase& safety);

}  // namespace stuckat::report
