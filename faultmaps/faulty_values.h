// What the faults of a tensor do to its values in one image of a run.
#pragma once

#include <cstdint>
#include <vector>

#include "faultmaps/effects.h"

namespace stuckat {

/// Value of an element of tensor `tensor` after the mask.
int32_t masked_value(const Network& network, int tensor, CodeMask mask, int32_t value);

/// Flat indices of the elements that the fault selects for image `image_index` of the run,
/// ascending; index = pixel * channels + channel.
std::vector<int> selected_elements(const ElementFault& fault, Shape shape, int64_t image_index);

/// What all faults of layer `index` together make of the pool at one output element.
BrokenPool broken_pool_at(const std::vector<PoolFault>& faults, int index, int pixel, int channel,
                          int64_t image_index);

}  // namespace stuckat
