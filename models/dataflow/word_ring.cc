#include "models/dataflow/word_ring.h"

#include <algorithm>

#include "models/dataflow/words.h"

namespace stuckat::dataflow {

WordRing::WordRing(int64_t slots, int limbs)
    : slots_(slots),
      limbs_(static_cast<size_t>(limbs)),
      cells_(static_cast<size_t>(slots) * limbs_),
      written_(static_cast<size_t>(slots), -1) {}

void WordRing::stick(int64_t slot, int bit, bool one) {
  if (keep_.empty()) {
    keep_.assign(cells_.size(), ~uint64_t{0});
    set_.assign(cells_.size(), 0);
  }
  stick_word_bit(keep_.data() + at(slot), set_.data() + at(slot), bit, one);
}

void WordRing::write(int64_t number, const uint64_t* word, int64_t cycle) {
  const int64_t slot = number % slots_;
  std::copy_n(word, limbs_, cells_.data() + at(slot));
  if (!keep_.empty()) {
    read_word(cells_.data() + at(slot), keep_.data() + at(slot), set_.data() + at(slot),
              static_cast<int>(limbs_));
  }
  written_[static_cast<size_t>(slot)] = cycle;
}

// Reads may run ahead of fetches that come before them, so that what a cell holds in a cycle is
// worked out when it is fetched.
void WordRing::fetch(int64_t number, uint64_t* word, int64_t cycle) const {
  const int64_t slot = number % slots_;
  std::copy_n(cells_.data() + at(slot), limbs_, word);
  if (flips_.empty()) return;
  for (const Flip& flip : flips_) {
    if (flip.slot != slot || flip.cycle <= written_[static_cast<size_t>(slot)]) continue;
    if (flip.cycle <= cycle) flip_word_bit(word, flip.bit);
  }
  if (!keep_.empty()) {
    read_word(word, keep_.data() + at(slot), set_.data() + at(slot), static_cast<int>(limbs_));
  }
}

}  // namespace stuckat::dataflow
