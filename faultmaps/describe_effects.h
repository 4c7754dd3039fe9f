// Effects as prose.
#pragma once

#include <string>
#include <vector>

#include "faultmaps/effects.h"

namespace stuckat {

/// One readable line for each effect: "channels 5, 37 of layer1 stuck at -1".
std::vector<std::string> describe(const Effects& effects, const Network& network);

}  // namespace stuckat
