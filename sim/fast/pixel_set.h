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
  /// Pixels first + i for every bit i of `bits`.
  void insert_bits(int first, uint64_t bits) {
    if (bits == 0) return;
    const size_t word = static_cast<size_t>(first) / 64;
    const int shift = first % 64;
    words_[word] |= bits << shift;
    low_ = word < low_ ? word : low_;
    size_t end = word + 1;
    const uint64_t rest = shift == 0 ? 0 : bits >> (64 - shift);
    if (rest != 0) words_[end++] |= rest;
    end_ = end > end_ ? end : end_;
  }
  /// Of pixels first .. first+63, `first` a multiple of 64, exactly those of `bits`.
  void assign_word(int first, uint64_t bits) {
    const size_t word = static_cast<size_t>(first) / 64;
    words_[word] = bits;
    low_ = word < low_ ? word : low_;
    end_ = word + 1 > end_ ? word + 1 : end_;
  }
  /// Bit i is pixel first + i, for `count` <= 64 pixels.
  uint64_t bits(int first, int count) const {
    const size_t word = static_cast<size_t>(first) / 64;
    const int shift = first % 64;
    uint64_t result = words_[word] >> shift;
    if (shift + count > 64) result |= words_[word + 1] << (64 - shift);
    return count == 64 ? result : result & ((uint64_t{1} << count) - 1);
  }
  /// Ascending pixels lie between these words of 64 pixels.
  int first_word_pixel() const { return static_cast<int>(low_) * 64; }
  int end_word_pixel() const { return static_cast<int>(end_) * 64; }
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
