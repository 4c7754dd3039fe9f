// Sets of pixels: iterated in raster order, cleared at the cost of what they hold.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace stuckat::fast {

class PixelSet {
 public:
  PixelSet() = default;
  explicit PixelSet(int pixels) : words_((static_cast<size_t>(pixels) + 63) / 64, 0) {
    low_ = words_.size();
  }

  void insert(int pixel) {
    const size_t word = static_cast<size_t>(pixel) / 64;
    words_[word] |= uint64_t{1} << (pixel % 64);
    low_ = word < low_ ? word : low_;
    end_ = word + 1 > end_ ? word + 1 : end_;
  }
  void erase(int pixel) {
    words_[static_cast<size_t>(pixel) / 64] &= ~(uint64_t{1} << (pixel % 64));
  }
  bool contains(int pixel) const {
    return (words_[static_cast<size_t>(pixel) / 64] >> (pixel % 64) & 1) != 0;
  }
  bool empty() const {
    for (size_t w = low_; w < end_; ++w) {
      if (words_[w] != 0) return false;
    }
    return true;
  }
  void clear() {
    for (size_t w = low_; w < end_; ++w) words_[w] = 0;
    low_ = words_.size();
    end_ = 0;
  }
  /// visit(pixel) in ascending order.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (size_t w = low_; w < end_; ++w) {
      for (uint64_t left = words_[w]; left != 0; left &= left - 1) {
        visit(static_cast<int>(w * 64) + std::countr_zero(left));
      }
    }
  }

 private:
  std::vector<uint64_t> words_;
  size_t low_ = 0;  // words_ outside low_ .. end_-1 are zero
  size_t end_ = 0;
};

}  // namespace stuckat::fast
