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
      sum_bits_(sum_bits),
      words_per_pixel_(layer.input.channels / lanes),
      sums_(static_cast<size_t>(lanes)) {}

void Adder::take(size_t input, const uint64_t* word) {
  const CodeTable& table = tables_[input];
  const int bits = table.format.bits;
  for (int lane = 0; lane < lanes_; ++lane) {
    sums_[static_cast<size_t>(lane)] += table.values[get_bits(word, lane * bits, bits)];
  }
}

void Adder::stick(int bit, bool one) {
  broken_.resize(sums_.size());
  CodeMask& mask = broken_[static_cast<size_t>(bit / sum_bits_)];
  mask = mask.then(CodeMask::stuck_bit(bit % sum_bits_, one));
}

void Adder::break_sums() {
  std::vector<uint32_t> codes(sums_.begin(), sums_.end());
  for (const Flip& flip : flips_) {
    if (flip.cycle == cycle_)
      codes[static_cast<size_t>(flip.bit / sum_bits_)] ^= 1u << flip.bit % sum_bits_;
  }
  for (size_t lane = 0; lane < codes.size(); ++lane) {
    if (!broken_.empty()) codes[lane] = broken_[lane].apply(codes[lane]);
    sums_[lane] = read_register(codes[lane], sum_bits_, false);
  }
}

void Adder::give(uint64_t* word) {
  if (!broken_.empty() || !flips_.empty()) break_sums();
  thresholds_.word_of(word_ * lanes_, lanes_, sums_.data(), word);
  std::fill(sums_.begin(), sums_.end(), 0);
  if (++word_ == words_per_pixel_) word_ = 0;
}

}  // namespace stuckat::dataflow
