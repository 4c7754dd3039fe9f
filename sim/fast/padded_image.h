// A layer's input as 16-bit values with padding around, as windows are cut from it.
#pragma once

#include <cstdint>

#include "sim/fast/aligned_vector.h"
#include "sim/fast/packed_layer.h"

namespace stuckat::fast {

class PaddedImage {
 public:
  /// Padding all over.
  void reset(const PackedLayer& layer, int padding_value);

  /// Pixel in raster order; planes: the words of that pixel.
  void set_pixel(const TensorLayout& layout, int pixel, const uint64_t* words);
  void set_pixel(int pixel, const int32_t* values);

  /// Pixel counted in the padded image, y * padded_width + x.
  void set_padded_pixel(int pixel, const int32_t* values);

  /// The window under an output pixel: [kernel_height * kernel_width * channels].
  void window(int out_pixel, int16_t* window) const;

  const int16_t* data() const { return values_.data(); }
  bool empty() const { return values_.empty(); }

 private:
  int16_t* at(int pixel);

  const PackedLayer* layer_ = nullptr;
  AlignedVector<int16_t> values_;  // [padded_height][padded_width][channels]
};

}  // namespace stuckat::fast
