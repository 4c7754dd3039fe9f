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
  shift.edge = edge;
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
    : data_(data), input_(network.input()), image_(data.shape), frame_(input_) {
  const Shape image = data.shape;
  const bool channels = image.channels == input_.channels || image.channels == 1;
  const bool centred =
      channels && image.height <= input_.height && image.width <= input_.width && !data.is_raw;
  // As input_tensor() has it: of a network with a map, and of raw data, the number of elements
  // alone must fit.
  const bool follow_on =
      image.size() == input_.size() && (!network.input_map.empty() || data.is_raw);
  if (!centred && !follow_on) {
    throw InputError(data.name, "images of " + image.text() + " for " + network.name,
                     "images that fit into " + input_.text());
  }
  if (!centred && data.is_raw) image_ = Shape{1, 1, image.size()};
  if (!centred) frame_ = image_;
  set_values(network);
}

void InputImages::set_values(const Network& network) {
  const NumberFormat format = network.layers.front().input_format;
  const InputMap& map = network.input_map;
  values_.resize(map.pixels.size() > 256 && !data_.is_signed ? static_cast<size_t>(input_.channels)
                                                             : 1);
  if (map.empty() && !data_.is_raw && format.kind != FormatKind::fixed_point &&
      format.kind != FormatKind::binary) {
    throw InputError(network.name, "input format " + format.name(), "fixed point or binary");
  }
  if (!map.empty() && (data_.is_signed ? map.integers.empty() : map.pixels.empty())) {
    throw InputError(data_.name,
                     (data_.is_signed ? "int8 inputs for " : "pixels for ") + network.name,
                     data_.is_signed ? "pixels 0 to 255" : "int8 inputs (raw:PATH)");
  }
  std::array<bool, 256> occurs{};
  for (const uint8_t byte : data_.pixels) occurs[byte] = true;
  for (size_t c = 0; c < values_.size(); ++c) {
    for (int byte = 0; byte < 256; ++byte) {
      const int integer = data_.is_signed ? static_cast<int8_t>(byte) : byte;
      const bool is_pixel = map.empty() && !data_.is_raw;
      int value = integer;
      if (is_pixel) {
        value = format.kind == FormatKind::binary ? (byte >= 128 ? 1 : -1)
                                                  : fixed_point_from_pixel(byte);
      } else if (!map.empty()) {
        value = data_.is_signed ? map.integers[static_cast<size_t>(integer + 128)]
                                : map.pixels[c * 256 + static_cast<size_t>(byte)];
      }
      const bool fits = value >= format.min_value() && value <= format.max_level() &&
                        (value != 0 || format.kind != FormatKind::binary);
      if (!fits && occurs[static_cast<size_t>(byte)]) {
        throw InputError(data_.name, "the integer " + std::to_string(value),
                         "a value of " + format.name());
      }
      values_[c][static_cast<size_t>(byte)] = static_cast<int16_t>(value);
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

int ImageBatches::next(const std::function<Shift(int)>& shift, int16_t* input) {
  const size_t block = block_elements(images_.shape());
  const auto bytes = static_cast<size_t>(images_.data().shape.size());
  const size_t samples = std::min(static_cast<size_t>(batch_), order_.size() - begin_);
  const uint8_t* decoded = ahead_ ? ahead_->next() : nullptr;
  std::fill_n(input, block_count(batch_) * block, int16_t{0});
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
