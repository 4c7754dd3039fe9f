// A ring of words as FINN's parts in RTL have them: the buffer of the sliding-window unit (BUF
// words), and the replay buffer of the MVU. Words are written in the order of the run, word n into
// slot n mod slots, and read where they are wanted, more than once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stuckat::dataflow {

class WordRing {
 public:
  WordRing(int64_t slots, int limbs);

  int64_t slots() const { return slots_; }

  /// Bit `bit` of a slot reads `one` from now on. Before the first word.
  void stick(int64_t slot, int bit, bool one);
  /// A transient: what the slot holds at the beginning of `cycle` has the bit inverted.
  void flip(int64_t slot, int bit, int64_t cycle) { flips_.push_back({slot, bit, cycle}); }
  bool has_flips() const { return !flips_.empty(); }
  bool is_healthy() const { return flips_.empty() && keep_.empty(); }

  /// Word `number` of the run is written in `cycle`, and there from the next one on.
  void write(int64_t number, const uint64_t* word, int64_t cycle);
  /// It is read in `cycle`.
  void fetch(int64_t number, uint64_t* word, int64_t cycle) const;

 private:
  struct Flip {
    int64_t slot;
    int bit;
    int64_t cycle;
  };
  size_t at(int64_t slot) const { return static_cast<size_t>(slot) * limbs_; }

  int64_t slots_;
  size_t limbs_;
  std::vector<uint64_t> cells_;       // [slot][limbs]
  std::vector<uint64_t> keep_, set_;  // as cells_, or empty: every bit is healthy
  std::vector<int64_t> written_;      // [slot] cycle
  std::vector<Flip> flips_;
};

}  // namespace stuckat::dataflow
