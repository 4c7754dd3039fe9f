// What the kinds that move a window over an image have in common. Inside workloads only.
#pragma once

#include <string>

#include "workloads/network.h"

namespace stuckat {

/// Pixels of the output: as many windows as fit, `channels` of each. Throws InputError(where, ...)
/// for a window that makes no sense or does not fit.
Shape window_output(const Layer& layer, int channels, const std::string& where);

}  // namespace stuckat
