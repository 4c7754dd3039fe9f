// Images of a data set as block tensors (product.h), with augmentation.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "trainer/tables.h"
#include "trainer/workers.h"
#include "workloads/dataset.h"
#include "workloads/decode_ahead.h"
#include "workloads/network.h"

namespace stuckat::trainer {

/// How one image is changed before it is learned from.
struct Shift {
  int down = 0;  ///< pixels
  int right = 0;
  bool mirrored = false;  ///< left to right, before the shift
  bool edge = false;      ///< what moves in from outside is the outermost pixel, and not value 0
};

/// How images are changed at random, each of each epoch by itself.
struct Augmentation {
  int crop_padding = 0;  ///< pixels that an image may move in each direction
  bool flip = false;     ///< mirrored or not
  bool edge = false;     ///< Shift::edge
  uint64_t seed = 1;

  Shift shift(int64_t epoch, int image) const;
};

/// Numbers 0 .. size-1 in the order of this epoch (Fisher and Yates).
std::vector<int> epoch_order(int size, uint64_t seed, int64_t epoch);

/// Converts images for one network input, the same way as input_tensor() (workloads/dataset.h).
class InputImages {
 public:
  /// Throws InputError if the images do not fit. Keeps a reference to `data`.
  InputImages(const Network& network, const DataSet& data);

  const DataSet& data() const { return data_; }
  int size() const { return data_.size(); }
  Shape shape() const { return input_; }
  int label(int index) const { return data_.labels[static_cast<size_t>(index)]; }
  /// Writes image `index` into lane `lane` of a block: block[pixel][channel][16]. Of a set in
  /// memory.
  template <class Value>
  void fill(int index, Shift shift, Value* block, int lane) const {
    fill(data_.image(index), shift, block, lane);
  }
  /// The same for the bytes of an image.
  template <class Value>
  void fill(const uint8_t* bytes, Shift shift, Value* block, int lane) const {
    for_elements(bytes, shift, [&](int element, int value) {
      block[static_cast<ptrdiff_t>(element) * lanes + lane] = static_cast<Value>(value);
    });
  }

 private:
  /// Of each channel, or of all, by byte.
  void set_values(const Network& network);
  template <class Visit>
  void for_elements(const uint8_t* bytes, Shift shift, const Visit& visit) const;

  const DataSet& data_;
  Shape input_;
  Shape image_;  // of raw data all elements in a row
  Shape frame_;  // what an image is centred in: the input, or itself if elements just follow on
  std::vector<std::array<int16_t, 256>> values_;  // [channel, or 1]
};

template <class Visit>
void InputImages::for_elements(const uint8_t* bytes, Shift shift, const Visit& visit) const {
  const Shape image = image_;
  const int top = (frame_.height - image.height) / 2;
  const int left = (frame_.width - image.width) / 2;
  const auto within = [&](int at, int size) {
    return shift.edge ? std::clamp(at, 0, size - 1) : at;
  };
  int element = 0;
  for (int y = 0; y < frame_.height; ++y) {
    for (int x = 0; x < frame_.width; ++x) {
      const int iy = within(y - shift.down, frame_.height) - top;
      int ix = within(x - shift.right, frame_.width) - left;
      const bool inside = iy >= 0 && ix >= 0 && iy < image.height && ix < image.width;
      if (shift.mirrored) ix = image.width - 1 - ix;
      const uint8_t* pixel =
          inside ? bytes + (static_cast<ptrdiff_t>(iy) * image.width + ix) * image.channels
                 : nullptr;
      for (int c = 0; c < frame_.channels; ++c, ++element) {
        const uint8_t byte = inside ? pixel[image.channels == 1 ? 0 : c] : uint8_t{0};
        visit(element, values_[static_cast<size_t>(c) % values_.size()][byte]);
      }
    }
  }
}

/// The images of an order, batch after batch; pictures that are not in memory are decoded ahead.
class ImageBatches {
 public:
  ImageBatches(const InputImages& images, std::vector<int> order, int batch, Workers& workers);

  /// The next batch as a block tensor of as many blocks as a whole batch has, 0 after its last
  /// image. Returns the number of images. Throws InputError if a picture cannot be decoded.
  int next(const std::function<Shift(int image)>& shift, int16_t* input);

 private:
  const InputImages& images_;
  const std::vector<int> order_;
  const int batch_;
  Workers& workers_;
  std::unique_ptr<DecodeAhead> ahead_;  // null: in memory
  size_t begin_ = 0;
};

}  // namespace stuckat::trainer
