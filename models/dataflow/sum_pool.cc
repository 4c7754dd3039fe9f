#include "models/dataflow/sum_pool.h"

#include <algorithm>

#include "models/dataflow/words.h"

namespace stuckat::dataflow {

SumPool::SumPool(const Layer& layer, int lanes, bool windows, int sum_bits)
    : taps_(layer, layer.input.channels / lanes, windows),
      thresholds_(layer, sum_bits),
      lanes_(lanes),
      in_bits_(layer.input_format.bits),
      sums_(static_cast<size_t>(taps_.places()) * static_cast<size_t>(lanes)) {
  for (uint32_t code = 0; code < 1u << in_bits_; ++code) {
    value_of_.push_back(layer.input_format.value(code));
  }
}

void SumPool::begin_image() {
  taps_.begin_image();
  read_ = 0;
  std::fill(sums_.begin(), sums_.end(), 0);
}

void SumPool::write(const uint64_t* word) {
  const int place = taps_.next();
  if (place < 0) return;
  int32_t* sums = sums_.data() + place * lanes_;
  for (int lane = 0; lane < lanes_; ++lane) {
    sums[lane] += value_of_[get_bits(word, lane * in_bits_, in_bits_)];
  }
}

void SumPool::read(uint64_t* word) {
  int32_t* sums = sums_.data() + read_ * lanes_;
  thresholds_.word_of(taps_.word_of(read_) * lanes_, lanes_, sums, word);
  std::fill_n(sums, lanes_, 0);
  if (++read_ == taps_.places()) read_ = 0;
}

}  // namespace stuckat::dataflow
