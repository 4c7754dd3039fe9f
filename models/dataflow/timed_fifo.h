// A FIFO of times alone: sim/kernel/stamped_fifo.h without words, for the timing-only engine.
//
//   word n is written at c(n) >= p(n - depth) + 1 and read at p(n) >= c(n) + 1
//
// Depth 0 are wires: a word is written and read in one cycle, in which both sides are ready.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "models/dataflow/step_record.h"

namespace stuckat::dataflow {

class TimedFifo {
 public:
  explicit TimedFifo(int depth)
      : depth_(depth),
        mask_(std::bit_ceil(static_cast<uint64_t>(std::max(2 * depth, least_remembered))) - 1),
        written_(mask_ + 1, -1),
        read_(mask_ + 1, -1),
        cycles_at_(static_cast<size_t>(depth) + 1) {}

  int depth() const { return depth_; }
  int64_t pushed() const { return pushed_; }
  int64_t popped() const { return popped_; }
  int64_t skipped() const { return skipped_; }                    ///< words before those
  int64_t slots() const { return depth_ - (pushed_ - popped_); }  ///< free, in known cycles
  /// In store, or offered.
  int64_t words() const { return stored() + (offered_ ? 1 : 0); }
  int64_t stored() const { return pushed_ - popped_; }
  bool is_wire() const { return depth_ == 0; }
  bool has_room() const { return depth_ == 0 ? !offered_ : slots() > 0; }
  /// Earliest cycle of the next push, of the next pop, as far as the FIFO goes.
  /// (A slot that was never used is free in cycle 0: read_ starts at -1.)
  int64_t slot_free() const { return read_[at(pushed_ - depth_)] + 1; }
  int64_t visible() const { return depth_ == 0 ? offer_ : stored_visible(); }
  int64_t stored_visible() const { return written_[at(popped_)] + 1; }
  int64_t last_push() const { return pushed_ == 0 ? -1 : written_[at(pushed_ - 1)]; }
  int64_t last_pop() const { return popped_ == 0 ? -1 : read_[at(popped_ - 1)]; }

  /// As if each word but the last `words` had been read `cycles` cycles before the one that lies so
  /// many after it. Empty. False: nothing changes.
  bool suppose_repeated(int64_t words, int64_t cycles) {
    bool changes = false;
    for (int64_t back = words + 1; back <= depth_; ++back) {
      int64_t& time = read_[at(pushed_ - back)];
      const int64_t repeated = read_[at(pushed_ - back + words)] - cycles;
      changes |= time != repeated;
      time = repeated;
    }
    return changes;
  }

  /// Wires: the producer has a word from that cycle on; pop() says when it passes.
  void offer(int64_t cycle) {
    offer_ = cycle;
    offered_ = true;
  }
  void push(int64_t cycle) {
    if (pushes_ != nullptr) pushes_->add(pushed_ + skipped_, cycle);
    if (!push_trace_.empty()) push_trace_.add(cycle);
    written_[at(pushed_++)] = cycle;
  }
  void pop(int64_t cycle) {
    if (offered_) {
      offered_ = false;
      push(cycle);
    }
    pop_stored(cycle);
  }
  /// Of a FIFO that is no wires.
  void pop_stored(int64_t cycle) {
    if (pops_ != nullptr) pops_->add(popped_ + skipped_, cycle);
    if (!pop_trace_.empty()) pop_trace_.add(cycle);
    read_[at(popped_++)] = cycle;
  }

  /// One more slot for a FIFO that is full, to find out whether a deadlock goes away: times and
  /// occupancy from here on mean nothing.
  void deepen();

  /// Every push and pop is told to these; neither if null.
  void record(StepRecord* pushes, StepRecord* pops) {
    pushes_ = pushes;
    pops_ = pops;
  }

  /// Counts the cycles at each occupancy, as far as the known pushes and pops settle it; that it is
  /// done in pieces makes no difference. A word occupies its slot from its push to its pop, both
  /// included.
  void settle();
  /// To be called before `depth` further pushes or pops.
  void settle_in_time() {
    if (std::max(pushed_ - entered_, popped_ - left_) + depth_ > remembered()) settle();
  }
  /// No push and no pop will follow: counts on to the cycle `end`.
  void settle_until(int64_t end);
  int high_water() const { return high_water_; }
  const std::vector<int64_t>& cycles_at() const { return cycles_at_; }  ///< [0 .. depth]

  /// Calls of(time) for every time on which later pushes and pops depend, in the order of the
  /// words.
  template <typename Function>
  void each_time(const Function& of) {
    for (int64_t n = popped_; n < pushed_; ++n) of(written_[at(n)]);
    for (int64_t n = pushed_ - depth_; n < popped_; ++n) of(read_[at(n)]);
  }
  /// The same, in so far as the times can matter: a slot that falls free before its word can come,
  /// one word a cycle, might as well do so just then.
  template <typename Function>
  void each_deciding_time(const Function& of) const {
    for (int64_t n = popped_; n < pushed_; ++n) of(written_[at(n)]);
    for (int64_t n = 0; n < slots(); ++n) {
      of(std::max(read_[at(pushed_ - depth_ + n)], last_push() + n));
    }
  }
  /// Appends what is still to be counted, relative to `cycle`.
  void append_unsettled(int64_t cycle, std::vector<int64_t>& state) const;

  /// From now on the pushes and pops of the last image, of `words` words, are remembered.
  void trace(int64_t words) {
    push_trace_ = Trace(words);
    pop_trace_ = Trace(words);
  }
  /// Every push and pop of the last image was `cycles` cycles after that of the image before.
  bool moved_by(int64_t cycles) const {
    return push_trace_.moved_by(cycles) && pop_trace_.moved_by(cycles);
  }

  /// `words` words pass unseen. Where all move on by the same number of cycles they are given here,
  /// with the cycles counted meanwhile at each occupancy.
  void skip(int64_t words) { skipped_ += words; }
  void skip(int64_t words, int64_t cycles, const std::vector<int64_t>& counted);
  /// `images` further ones pass, each of whose pushes and pops moved on as those of the last did.
  void replay(int64_t images);

 private:
  /// The cycle of each word of an image, and by how much it moved on since the image before.
  class Trace {
   public:
    explicit Trace(int64_t words = 0) : words_(static_cast<size_t>(words)) {}
    bool empty() const { return words_.empty(); }
    void add(int64_t cycle) {
      words_[next_] = {cycle, cycle - words_[next_].cycle};
      if (++next_ == words_.size()) next_ = 0;
    }
    /// The cycle of word `n` after the last, if each image is to the one before as the last is.
    int64_t further(int64_t n) const {
      const auto size = static_cast<int64_t>(words_.size());
      const Word& word = words_[(next_ + static_cast<size_t>(n % size)) % words_.size()];
      return word.cycle + (n / size + 1) * word.moved;
    }
    bool moved_by(int64_t cycles) const {
      return std::all_of(words_.begin(), words_.end(),
                         [&](const Word& word) { return word.moved == cycles; });
    }
    int64_t words() const { return static_cast<int64_t>(words_.size()); }

   private:
    struct Word {
      int64_t cycle = 0;
      int64_t moved = 0;
    };
    std::vector<Word> words_;
    size_t next_ = 0;
  };
  static constexpr int least_remembered = 32;  // words, so that few are not counted one by one
  int64_t remembered() const { return static_cast<int64_t>(mask_ + 1); }
  size_t at(int64_t index) const { return static_cast<uint64_t>(index) & mask_; }
  void enter(int64_t cycle);
  void leave(int64_t cycle);
  void pass(int64_t cycle);

  int depth_;
  uint64_t mask_;
  int64_t pushed_ = 0;
  int64_t popped_ = 0;
  int64_t skipped_ = 0;   // words before those
  bool offered_ = false;  // wires: a word, from that cycle on
  int64_t offer_ = 0;
  std::vector<int64_t> written_;  // [word & mask_]
  std::vector<int64_t> read_;     // [word & mask_]
  StepRecord* pushes_ = nullptr;
  StepRecord* pops_ = nullptr;
  Trace push_trace_, pop_trace_;

  // Occupancy: words entered_ - left_ lie in the FIFO from cycle now_ on.
  int64_t entered_ = 0;
  int64_t left_ = 0;
  int64_t now_ = 0;
  int high_water_ = 0;
  std::vector<int64_t> cycles_at_;
};

}  // namespace stuckat::dataflow
