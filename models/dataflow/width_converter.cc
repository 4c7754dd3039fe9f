#include "models/dataflow/width_converter.h"

#include <algorithm>
#include <cassert>

namespace stuckat::dataflow {

WidthConverter::WidthConverter(int in_bits, int out_bits)
    : in_bits_(in_bits),
      out_bits_(out_bits),
      ratio_(std::max(in_bits, out_bits) / std::min(in_bits, out_bits)),
      wide_(static_cast<size_t>(limbs_for(std::max(in_bits, out_bits)))) {
  assert(std::max(in_bits, out_bits) == ratio_ * std::min(in_bits, out_bits));
}

void WidthConverter::load(const uint64_t* word) {
  if (widens()) {
    copy_bits(wide_.data(), position_ * in_bits_, word, 0, in_bits_);
    ++position_;
  } else {
    std::copy_n(word, wide_.size(), wide_.begin());
    position_ = 0;
  }
}

void WidthConverter::store(uint64_t* word) {
  if (widens()) {
    std::copy(wide_.begin(), wide_.end(), word);
    std::fill(wide_.begin(), wide_.end(), 0);
    position_ = 0;
  } else {
    std::fill_n(word, limbs_for(out_bits_), 0);
    copy_bits(word, 0, wide_.data(), position_ * out_bits_, out_bits_);
    ++position_;
  }
}

}  // namespace stuckat::dataflow
