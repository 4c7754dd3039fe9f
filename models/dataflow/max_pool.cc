#include "models/dataflow/max_pool.h"

#include <algorithm>
#include <cassert>

#include "models/dataflow/words.h"

namespace stuckat::dataflow {

MaxPool::MaxPool(const Layer& layer, int lanes)
    : kernel_(layer.kernel),
      width_(layer.input.width),
      out_width_(layer.output.width),
      format_(layer.input_format),
      lanes_(lanes),
      words_per_pixel_(layer.input.channels / lanes),
      limbs_(limbs_for(lanes * format_.bits)) {
  assert(layer.kernel == layer.stride && layer.input.channels % lanes == 0);
  const size_t words = static_cast<size_t>(out_width_) * static_cast<size_t>(words_per_pixel_);
  best_.resize(words * static_cast<size_t>(limbs_));
  empty_.assign(words, 1);
}

void MaxPool::begin_image() {
  x_ = word_ = read_ = 0;
  std::fill(empty_.begin(), empty_.end(), char{1});
}

void MaxPool::write(const uint64_t* word) {
  if (x_ / kernel_ < out_width_) {
    const int at = x_ / kernel_ * words_per_pixel_ + word_;
    uint64_t* best = best_.data() + at * limbs_;
    char& empty = empty_[static_cast<size_t>(at)];
    empty ? static_cast<void>(std::copy_n(word, limbs_, best)) : merge(best, word);
    empty = 0;
  }
  if (++word_ < words_per_pixel_) return;
  word_ = 0;
  if (++x_ == width_) x_ = 0;
}

void MaxPool::read(uint64_t* word) {
  std::copy_n(best_.data() + read_ * limbs_, limbs_, word);
  empty_[static_cast<size_t>(read_)] = 1;
  if (++read_ == out_width_ * words_per_pixel_) read_ = 0;
}

void MaxPool::merge(uint64_t* best, const uint64_t* word) const {
  if (format_.bits == 1) {  // the greater of two 1-bit codes is their OR
    for (int i = 0; i < limbs_; ++i) best[i] |= word[i];
    return;
  }
  for (int lane = 0; lane < lanes_; ++lane) {
    const int offset = lane * format_.bits;
    const auto code = static_cast<uint32_t>(get_bits(word, offset, format_.bits));
    const auto held = static_cast<uint32_t>(get_bits(best, offset, format_.bits));
    if (format_.value(code) > format_.value(held)) put_bits(best, offset, format_.bits, code);
  }
}

}  // namespace stuckat::dataflow
