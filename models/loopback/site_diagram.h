// Where the sites of a loopback array are, and accelerators to show them on.
#pragma once

#include <vector>

#include "models/family.h"

namespace stuckat::loopback {

SiteDiagram site_diagram();
std::vector<Family::Example> examples();

}  // namespace stuckat::loopback
