// Width converter: words of one width into words of a multiple or a fraction of it, bits in order.
#pragma once

#include <cstdint>
#include <vector>

#include "models/dataflow/words.h"

namespace stuckat::dataflow {

class WidthConverter {
 public:
  /// One of the widths divides the other.
  WidthConverter(int in_bits, int out_bits);

  bool widens() const { return out_bits_ > in_bits_; }
  int ratio() const { return ratio_; }  ///< narrow words in a wide one

  /// Widening: adds the next narrow word. Narrowing: takes a wide word.
  void load(const uint64_t* word);
  /// Widening: the wide word so far, the rest 0. Narrowing: the next narrow word.
  void store(uint64_t* word);

 private:
  int in_bits_;
  int out_bits_;
  int ratio_;
  int position_ = 0;            // narrow words in, or out of, wide_
  std::vector<uint64_t> wide_;  // [limbs]
};

}  // namespace stuckat::dataflow
