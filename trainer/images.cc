#include "trainer/images.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "trainer/product.h"
#include "trainer/random.h"
#include "workloads/errors.h"

namespace stuckat::trainer {

Shift Augmentation::shift(int64_t epoch, int image) const {
  const Sequence random(seed, Purpose::augmentation, static_cast<uint64_t>(epoch),
                        static_cast<uint64_t>(image));
  Shift shift;
  if (crop_padding > 0) {
    const int positions = 2 * crop_padding + 1;
    shift.down = random.below(0, positions) - crop_padding;
    shift.right = random.below(1, positions) - crop_padding;
  }
  shift.mirrored = flip && random.below(2, 2) == 1;
  return shift;
}

std::vector<int> epoch_order(int size, uint64_t seed, int64_t epoch) {
  std::vector<int> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  const Sequence random(seed, Purpose::order, static_cast<uint64_t>(epoch));
  for (int i = size - 1; i > 0; --i) {
    std::swap(order[static_cast<size_t>(i)],
              order[static_cast<size_t>(random.below(static_cast<uint64_t>(i), i + 1))]);
  }
  return order;
}

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

void InputImages::fill(const uint8_t* pixels, Shift shift, int8_t* block, int lane) const {
  const Shape image = data_.shape;
  const int top = (input_.height - image.height) / 2 + shift.down;
  const int left = (input_.width - image.width) / 2 + shift.right;
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

ImageBatches::ImageBatches(const InputImages& images, std::vector<int> order, int batch,
                           Workers& workers)
    : images_(images), order_(std::move(order)), batch_(batch), workers_(workers) {
  if (const auto& folder = images.data().folder) {
    ahead_ = std::make_unique<DecodeAhead>(*folder, order_, batch, workers.threads());
  }
}

int ImageBatches::next(const std::function<Shift(int)>& shift, int8_t* input) {
  const size_t block = block_elements(images_.shape());
  const auto bytes = static_cast<size_t>(images_.data().shape.size());
  const size_t samples = std::min(static_cast<size_t>(batch_), order_.size() - begin_);
  const uint8_t* decoded = ahead_ ? ahead_->next() : nullptr;
  std::fill_n(input, block_count(batch_) * block, int8_t{0});
  workers_.run(static_cast<int>(samples), [&](int n) {
    const auto i = static_cast<size_t>(n);
    const int image = order_[begin_ + i];
    images_.fill(decoded != nullptr ? decoded + i * bytes : images_.data().image(image),
                 shift(image), input + n / lanes * block, n % lanes);
  });
  begin_ += samples;
  return static_cast<int>(samples);
}

}  // namespace stuckat::trainer
