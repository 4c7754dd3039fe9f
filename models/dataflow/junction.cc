#include "models/dataflow/junction.h"

#include <algorithm>

namespace stuckat::dataflow {

void PassedWords::take(size_t /*input*/, const uint64_t* word) {
  std::copy_n(word, word_.size(), word_.begin());
}

void PassedWords::give(uint64_t* word) { std::copy(word_.begin(), word_.end(), word); }

Adder::Adder(const Layer& layer, int lanes, int sum_bits)
    : tables_(layer.tables),
      thresholds_(layer, sum_bits),
      lanes_(lanes),
      words_per_pixel_(layer.input.channels / lanes),
      sums_(static_cast<size_t>(lanes)) {}

void Adder::take(size_t input, const uint64_t* word) {
  const CodeTable& table = tables_[input];
  const int bits = table.format.bits;
  for (int lane = 0; lane < lanes_; ++lane) {
    sums_[static_cast<size_t>(lane)] += table.values[get_bits(word, lane * bits, bits)];
  }
}

void Adder::give(uint64_t* word) {
  thresholds_.word_of(word_ * lanes_, lanes_, sums_.data(), word);
  std::fill(sums_.begin(), sums_.end(), 0);
  if (++word_ == words_per_pixel_) word_ = 0;
}

}  // namespace stuckat::dataflow
