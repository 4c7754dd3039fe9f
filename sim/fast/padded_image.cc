#include "sim/fast/padded_image.h"

#include <algorithm>

namespace stuckat::fast {

void PaddedImage::reset(const PackedLayer& layer, int padding_value) {
  layer_ = &layer;
  values_.assign(static_cast<size_t>(layer.padded_height()) *
                     static_cast<size_t>(layer.padded_width()) *
                     static_cast<size_t>(layer.input.channels),
                 static_cast<int16_t>(padding_value));
}

int16_t* PaddedImage::at(int pixel) {
  const int y = pixel / layer_->input.width + layer_->padding;
  const int x = pixel % layer_->input.width + layer_->padding;
  return values_.data() + (static_cast<size_t>(y) * static_cast<size_t>(layer_->padded_width()) +
                           static_cast<size_t>(x)) *
                              static_cast<size_t>(layer_->input.channels);
}

void PaddedImage::set_pixel(const TensorLayout& layout, int pixel, const uint64_t* words) {
  const bool binary = layout.format.kind == FormatKind::binary;
  const int scale = binary ? 2 : 1;
  const int lowest = binary ? -1 : layout.format.min_value();
  int16_t* to = at(pixel);
  for (int c = 0; c < layout.shape.channels; ++c) {
    int level = 0;
    for (int k = 0; k < layout.planes; ++k) {
      level +=
          static_cast<int>(words[k * layout.words + c / rows_per_word] >> (c % rows_per_word) & 1u);
    }
    to[c] = static_cast<int16_t>(scale * level + lowest);
  }
}

void PaddedImage::set_pixel(int pixel, const int32_t* values) {
  std::transform(values, values + layer_->input.channels, at(pixel),
                 [](int32_t v) { return static_cast<int16_t>(v); });
}

void PaddedImage::set_padded_pixel(int pixel, const int32_t* values) {
  const std::ptrdiff_t channels = layer_->input.channels;
  std::transform(values, values + channels, values_.data() + pixel * channels,
                 [](int32_t v) { return static_cast<int16_t>(v); });
}

void PaddedImage::window(int out_pixel, int16_t* window) const {
  const int top = out_pixel / layer_->output.width * layer_->stride;
  const int left = out_pixel % layer_->output.width * layer_->stride;
  const size_t channels = static_cast<size_t>(layer_->input.channels);
  const size_t row = static_cast<size_t>(layer_->padded_width()) * channels;
  const size_t run = static_cast<size_t>(layer_->window_row_columns());
  const int16_t* from =
      values_.data() + static_cast<size_t>(top) * row + static_cast<size_t>(left) * channels;
  for (int ky = 0; ky < layer_->kernel_height; ++ky, from += row, window += run) {
    std::copy_n(from, run, window);
  }
}

}  // namespace stuckat::fast
