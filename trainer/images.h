// Images of a data set as block tensors (product.h), with augmentation.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "trainer/workers.h"
#include "workloads/dataset.h"
#include "workloads/decode_ahead.h"
#include "workloads/network.h"

namespace stuckat::trainer {

/// How one image is changed before it is learned from.
struct Shift {
  int down = 0;  ///< pixels; what moves in from outside is pixel value 0
  int right = 0;
  bool mirrored = false;  ///< left to right, before the shift
};

/// How images are changed at random, each of each epoch by itself.
struct Augmentation {
  int crop_padding = 0;  ///< pixels that an image may move in each direction
  bool flip = false;     ///< mirrored or not
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
  void fill(int index, Shift shift, int8_t* block, int lane) const {
    fill(data_.image(index), shift, block, lane);
  }
  /// The same for the bytes of an image.
  void fill(const uint8_t* pixels, Shift shift, int8_t* block, int lane) const;

 private:
  const DataSet& data_;
  Shape input_;
  std::array<int8_t, 256> values_{};  // of a pixel byte in the input format
};

/// The images of an order, batch after batch; pictures that are not in memory are decoded ahead.
class ImageBatches {
 public:
  ImageBatches(const InputImages& images, std::vector<int> order, int batch, Workers& workers);

  /// The next batch as a block tensor of as many blocks as a whole batch has, 0 behind its last
  /// image. Returns the number of images. Throws InputError if a picture cannot be decoded.
  int next(const std::function<Shift(int image)>& shift, int8_t* input);

 private:
  const InputImages& images_;
  const std::vector<int> order_;
  const int batch_;
  Workers& workers_;
  std::unique_ptr<DecodeAhead> ahead_;  // null: in memory
  size_t begin_ = 0;
};

}  // namespace stuckat::trainer
