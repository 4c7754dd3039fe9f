#include "models/dataflow/sum_pool.h"

#include <algorithm>

#include "models/dataflow/words.h"

namespace stuckat::dataflow {

SumPool::SumPool(const Layer& layer, int lanes, bool windows, int sum_bits)
    : taps_(layer, layer.input.channels / lanes, windows),
      thresholds_(layer, sum_bits),
      lanes_(lanes),
      words_per_pixel_(windows ? 1 : layer.input.channels / lanes),
      in_bits_(layer.input_format.bits),
      sum_bits_(sum_bits),
      sums_(static_cast<size_t>(taps_.places()) * static_cast<size_t>(lanes)),
      empty_(static_cast<size_t>(taps_.places()), char{1}) {
  for (uint32_t code = 0; code < 1u << in_bits_; ++code) {
    value_of_.push_back(layer.input_format.value(code));
  }
}

int SumPool::sum_at(int column, int word, int bit) const {
  return (column * words_per_pixel_ + word) * lanes_ + bit / sum_bits_;
}

void SumPool::stick_sum(int column, int word, int bit, bool one) {
  broken_.resize(sums_.size());
  CodeMask& mask = broken_[static_cast<size_t>(sum_at(column, word, bit))];
  mask = mask.then(CodeMask::stuck_bit(bit % sum_bits_, one));
}

void SumPool::flip_sum(int column, int word, int bit, int64_t cycle) {
  was_flipped_ = true;
  flips_.push_back({sum_at(column, word, bit), bit % sum_bits_, cycle});
}

void SumPool::store(int at, int32_t sum) {
  auto code = static_cast<uint32_t>(sum);
  if (!broken_.empty()) code = broken_[static_cast<size_t>(at)].apply(code);
  sums_[static_cast<size_t>(at)] = read_register(code, sum_bits_, false);
}

void SumPool::settle_flips(int64_t cycle) {
  std::erase_if(flips_, [&](const Flip& flip) {
    if (flip.cycle > cycle) return false;
    const int32_t sum = sums_[static_cast<size_t>(flip.at)];
    store(flip.at, static_cast<int32_t>(static_cast<uint32_t>(sum) ^ 1u << flip.bit));
    return true;
  });
}

void SumPool::begin_image() {
  taps_.begin_image();
  read_ = 0;
  std::fill(empty_.begin(), empty_.end(), char{1});
}

void SumPool::write(const uint64_t* word) {
  const int place = taps_.next();
  if (place < 0) return;
  const int first = place * lanes_;
  int32_t* sums = sums_.data() + first;
  char& empty = empty_[static_cast<size_t>(place)];
  if (empty != 0) std::fill_n(sums, lanes_, 0);
  empty = 0;
  for (int lane = 0; lane < lanes_; ++lane) {
    sums[lane] += value_of_[get_bits(word, lane * in_bits_, in_bits_)];
  }
  if (broken_.empty() && !was_flipped_) return;
  for (int lane = 0; lane < lanes_; ++lane) store(first + lane, sums[lane]);
}

void SumPool::read(uint64_t* word) {
  thresholds_.word_of(taps_.word_of(read_) * lanes_, lanes_, sums_.data() + read_ * lanes_, word);
  empty_[static_cast<size_t>(read_)] = 1;
  if (++read_ == taps_.places()) read_ = 0;
}

}  // namespace stuckat::dataflow
