// Which elements of a tensor, or of a layer's windows, a fault selects. Inside faultmaps only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "faultmaps/effects.h"

namespace stuckat {

/// The value is in an ascending list, or the list is empty: then it selects all.
inline bool contains(const std::vector<int>& sorted, int value) {
  return sorted.empty() || std::binary_search(sorted.begin(), sorted.end(), value);
}

/// Which word of the run, of image `image_index`, the element is in; -1: in none.
int64_t word_of(const SlotPattern& slot, Shape shape, int pixel, int channel, int64_t image_index);

/// visit(pixel, channel) for all that lists and slot select, in raster order.
template <typename Visit>
void for_selected(const std::vector<int>& pixels, const std::vector<int>& channels,
                  const SlotPattern& slot, Shape shape, int64_t image_index, const Visit& visit) {
  const auto at_pixel = [&](int pixel) {
    const auto at = [&](int channel) {
      if (slot.depth > 0 || slot.frame > 0) {
        const int64_t word = word_of(slot, shape, pixel, channel, image_index);
        if (word < 0 || (slot.depth > 0 && word % slot.depth != slot.slot)) return;
      }
      visit(pixel, channel);
    };
    for (const int channel : channels) at(channel);
    for (int channel = 0; channels.empty() && channel < shape.channels; ++channel) at(channel);
  };
  for (const int pixel : pixels) at_pixel(pixel);
  for (int pixel = 0; pixels.empty() && pixel < shape.pixels(); ++pixel) at_pixel(pixel);
}

}  // namespace stuckat
