// Where the sites of a dataflow accelerator are, and accelerators to show them on.
#pragma once

#include <vector>

#include "models/family.h"

namespace stuckat::dataflow {

SiteDiagram site_diagram();
std::vector<Family::Example> examples();

}  // namespace stuckat::dataflow
