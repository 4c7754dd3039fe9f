// Parts of the what-if page, each as HTML.
#pragma once

#include <string>

#include "tools/report/whatif.h"

namespace stuckat::report {

/// Tensor by tensor: how much differs, in which channels and pixels, and where differences end.
std::string spread_section(const WhatIf& what_if);

/// The images whose prediction changed, with what they show and what was predicted.
std::string gallery_section(const WhatIf& what_if, const DataSet& data);

/// Right predictions class by class, before and now.
std::string class_section(const WhatIf& what_if, const DataSet& data);

}  // namespace stuckat::report
