#include "models/dataflow/max_pool.h"

#include <algorithm>

#include "models/dataflow/words.h"

namespace stuckat::dataflow {

MaxPool::MaxPool(const Layer& layer, int lanes, bool windows)
    : taps_(layer, layer.input.channels / lanes, windows),
      format_(layer.input_format),
      lanes_(lanes),
      words_per_pixel_(windows ? 1 : layer.input.channels / lanes),
      limbs_(limbs_for(lanes * format_.bits)) {
  const auto words = static_cast<size_t>(taps_.places());
  best_.resize(words * static_cast<size_t>(limbs_));
  empty_.assign(words, 1);
  keep_.assign(best_.size(), ~uint64_t{0});
  set_.resize(best_.size());
  output_keep_.assign(static_cast<size_t>(limbs_), ~uint64_t{0});
  output_set_.resize(static_cast<size_t>(limbs_));
  comparators_.resize(static_cast<size_t>(lanes_));
}

void MaxPool::stick_cell(int column, int word, int bit, bool one) {
  const int at = (column * words_per_pixel_ + word) * limbs_;
  stick_word_bit(keep_.data() + at, set_.data() + at, bit, one);
}

void MaxPool::stick_comparator(int lane, bool one) {
  comparators_[static_cast<size_t>(lane)].stick(0, one);
}

void MaxPool::stick_output(int bit, bool one) {
  stick_word_bit(output_keep_.data(), output_set_.data(), bit, one);
}

void MaxPool::flip_cell(int column, int word, int bit, int64_t cycle) {
  flips_.push_back({cell, (column * words_per_pixel_ + word) * limbs_, bit, cycle});
}

void MaxPool::settle_flips(int64_t cycle) {
  cycle_ = cycle;
  std::erase_if(flips_, [&](const Flip& flip) {
    if (flip.place != cell) return flip.cycle < cycle;
    if (flip.cycle > cycle) return false;
    uint64_t* best = best_.data() + flip.at;
    flip_word_bit(best, flip.bit);
    read_word(best, keep_.data() + flip.at, set_.data() + flip.at, limbs_);
    return true;
  });
}

void MaxPool::begin_image() {
  taps_.begin_image();
  read_ = 0;
  std::fill(empty_.begin(), empty_.end(), char{1});
}

void MaxPool::write(const uint64_t* word) {
  const int at = taps_.next();
  if (at < 0) return;
  uint64_t* best = best_.data() + at * limbs_;
  char& empty = empty_[static_cast<size_t>(at)];
  empty ? static_cast<void>(std::copy_n(word, limbs_, best)) : merge(best, word);
  empty = 0;
  read_word(best, keep_.data() + at * limbs_, set_.data() + at * limbs_, limbs_);
}

void MaxPool::read(uint64_t* word) {
  std::copy_n(best_.data() + read_ * limbs_, limbs_, word);
  for (const Flip& flip : flips_) {
    if (flip.place != output || flip.cycle != cycle_) continue;
    flip_word_bit(word, flip.bit);
  }
  read_word(word, output_keep_.data(), output_set_.data(), limbs_);
  empty_[static_cast<size_t>(read_)] = 1;
  if (++read_ == taps_.places()) read_ = 0;
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
    uint32_t greater = format_.value(code) > format_.value(held) ? 1 : 0;
    for (const Flip& flip : flips_) {
      if (flip.place == comparator && flip.bit == lane && flip.cycle == cycle_) greater ^= 1u;
    }
    if ((comparators_[static_cast<size_t>(lane)].read(greater) & 1u) != 0) {
      put_bits(best, offset, format_.bits, code);
    }
  }
}

}  // namespace stuckat::dataflow
