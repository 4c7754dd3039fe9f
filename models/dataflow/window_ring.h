// The buffer of FINN's sliding-window unit in RTL: a ring of BUF words, written in the order of the
// image from slot 0 on, and read where the windows want it. Word e of an image lies in slot e mod
// BUF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace stuckat::dataflow {

class WindowRing {
 public:
  WindowRing(int64_t slots, int limbs);

  int64_t slots() const { return slots_; }

  /// Bit `bit` of a slot reads `one` from now on. Before the first word.
  void stick(int64_t slot, int bit, bool one);
  /// A transient: what the slot holds at the beginning of `cycle` has the bit inverted.
  void flip(int64_t slot, int bit, int64_t cycle) { flips_.push_back({slot, bit, cycle}); }

  /// Element `element` of the image is written in `cycle`, and there from the next one on.
  void write(int64_t element, const uint64_t* word, int64_t cycle);
  /// It is fetched in `cycle`.
  void fetch(int64_t element, uint64_t* word, int64_t cycle) const;

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
  std::vector<int64_t> written_;      // [slot] cycle; kept if there are flips
  std::vector<Flip> flips_;
};

}  // namespace stuckat::dataflow
