// Images of a data set as block tensors (product.h), with augmentation.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::trainer {

/// How one image is changed before it is learned from.
struct Shift {
  int down = 0;  ///< pixels; what moves in from outside is pixel value 0
  int right = 0;
  bool mirrored = false;  ///< left to right, before the shift
};

/// Converts images for one network input, the same way as input_tensor() (workloads/dataset.h).
class InputImages {
 public:
  /// Throws InputError if the images do not fit. Keeps a reference to `data`.
  InputImages(const Network& network, const DataSet& data);

  int size() const { return data_.size(); }
  Shape shape() const { return input_; }
  int label(int index) const { return data_.labels[static_cast<size_t>(index)]; }
  /// Writes image `index` into lane `lane` of a block: block[pixel][channel][16].
  void fill(int index, Shift shift, int8_t* block, int lane) const;

 private:
  const DataSet& data_;
  Shape input_;
  std::array<int8_t, 256> values_{};  // of a pixel byte in the input format
};

}  // namespace stuckat::trainer
