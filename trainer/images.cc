#include "trainer/images.h"

#include "trainer/tables.h"
#include "workloads/errors.h"

namespace stuckat::trainer {

InputImages::InputImages(const Network& network, const DataSet& data)
    : data_(data), input_(network.input()) {
  const Shape image = data.shape;
  const bool channels = image.channels == input_.channels || image.channels == 1;
  if (!channels || image.height > input_.height || image.width > input_.width) {
    const auto text = [](Shape s) {
      return std::to_string(s.height) + "x" + std::to_string(s.width) + "x" +
             std::to_string(s.channels);
    };
    throw InputError(data.name, "images of " + text(image) + " for " + network.name,
                     "images that fit into " + text(input_));
  }
  const NumberFormat format = network.layers.front().input_format;
  if (format.kind != FormatKind::fixed_point && format.kind != FormatKind::binary) {
    throw InputError(network.name, "input format " + format.name(), "fixed point or binary");
  }
  for (int pixel = 0; pixel < 256; ++pixel) {
    values_[static_cast<size_t>(pixel)] =
        static_cast<int8_t>(format.kind == FormatKind::binary ? (pixel >= 128 ? 1 : -1)
                                                              : fixed_point_from_pixel(pixel));
  }
}

void InputImages::fill(int index, Shift shift, int8_t* block, int lane) const {
  const Shape image = data_.shape;
  const int top = (input_.height - image.height) / 2 + shift.down;
  const int left = (input_.width - image.width) / 2 + shift.right;
  const uint8_t* pixels = data_.image(index);
  int8_t* out = block + lane;
  for (int y = 0; y < input_.height; ++y) {
    for (int x = 0; x < input_.width; ++x) {
      const int iy = y - top;
      int ix = x - left;
      const bool inside = iy >= 0 && ix >= 0 && iy < image.height && ix < image.width;
      if (shift.mirrored) ix = image.width - 1 - ix;
      const uint8_t* pixel =
          inside ? pixels + (static_cast<ptrdiff_t>(iy) * image.width + ix) * image.channels
                 : nullptr;
      for (int c = 0; c < input_.channels; ++c) {
        const uint8_t byte = inside ? pixel[image.channels == 1 ? 0 : c] : uint8_t{0};
        *out = values_[byte];
        out += lanes;
      }
    }
  }
}

}  // namespace stuckat::trainer
