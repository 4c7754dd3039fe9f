#include "faultmaps/faulty_values.h"

#include "faultmaps/selection.h"

namespace stuckat {

int64_t word_of(const SlotPattern& s, Shape shape, int pixel, int channel, int64_t image_index) {
  int pixels = shape.pixels();
  if (s.frame > 0) {
    const int y = pixel / shape.width - s.frame;
    const int x = pixel % shape.width - s.frame;
    const int height = shape.height - 2 * s.frame;
    const int width = shape.width - 2 * s.frame;
    if (y < 0 || x < 0 || y >= height || x >= width) return -1;
    pixel = y * width + x;
    pixels = height * width;
  }
  const int64_t words_per_image = int64_t{s.packed ? 1 : pixels} * s.words_per_pixel;
  const int64_t word = s.packed
                           ? (int64_t{pixel} * shape.channels + channel) / s.channels_per_word
                           : int64_t{pixel} * s.words_per_pixel + channel / s.channels_per_word;
  return image_index * words_per_image + word;
}

int32_t masked_value(const Network& network, int tensor, CodeMask mask, int32_t value) {
  if (network.holds_accumulators(tensor)) {
    return static_cast<int32_t>(mask.apply(static_cast<uint32_t>(value)));
  }
  const NumberFormat format = network.format(tensor);
  return format.value(mask.apply(format.code(value)));
}

std::vector<int> selected_elements(const ElementFault& fault, Shape shape, int64_t image_index) {
  std::vector<int> result;
  if (!fault.images.contains(image_index)) return result;
  for_selected(fault.pixels, fault.channels, fault.slot, shape, image_index,
               [&](int pixel, int channel) { result.push_back(pixel * shape.channels + channel); });
  return result;
}

BrokenPool broken_pool_at(const std::vector<PoolFault>& faults, int index, int pixel, int channel,
                          int64_t image_index) {
  BrokenPool result;
  for (const PoolFault& fault : faults) {
    if (fault.layer == index && fault.images.contains(image_index) &&
        contains(fault.channels, channel) && contains(fault.pixels, pixel)) {
      merge(result, fault.pool);
    }
  }
  return result;
}

}  // namespace stuckat
