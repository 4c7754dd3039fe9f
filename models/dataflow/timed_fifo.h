// A FIFO of times alone: sim/kernel/stamped_fifo.h without words, for the timing-only engine.
//
//   word n is written at c(n) >= p(n - depth) + 1 and read at p(n) >= c(n) + 1
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "models/dataflow/step_record.h"

namespace stuckat::dataflow {

class TimedFifo {
 public:
  explicit TimedFifo(int depth)
      : depth_(depth),
        mask_(std::bit_ceil(static_cast<uint64_t>(depth)) - 1),
        written_(mask_ + 1, -1),
        read_(mask_ + 1, -1),
        cycles_at_(static_cast<size_t>(depth) + 1) {}

  int depth() const { return depth_; }
  int64_t pushed() const { return pushed_; }
  int64_t popped() const { return popped_; }
  int64_t skipped() const { return skipped_; }                    ///< words in front of those
  int64_t slots() const { return depth_ - (pushed_ - popped_); }  ///< free, in known cycles
  int64_t words() const { return pushed_ - popped_; }             ///< in store
  /// Earliest cycle of the next push, of the next pop, as far as the FIFO goes.
  /// (A slot that was never used is free in cycle 0: read_ starts at -1.)
  int64_t slot_free() const { return read_[at(pushed_ - depth_)] + 1; }
  int64_t visible() const { return written_[at(popped_)] + 1; }
  int64_t last_push() const { return pushed_ == 0 ? -1 : written_[at(pushed_ - 1)]; }
  int64_t last_pop() const { return popped_ == 0 ? -1 : read_[at(popped_ - 1)]; }

  /// `unhindered`: the cycle that it would be if the FIFO did not matter.
  void push(int64_t cycle, int64_t unhindered) {
    push_margin_ = std::min(push_margin_, unhindered - slot_free());
    if (pushes_ != nullptr) pushes_->add(pushed_ + skipped_, cycle);
    if (trace_) events_.push_back({false, cycle});
    written_[at(pushed_++)] = cycle;
  }
  void pop(int64_t cycle, int64_t unhindered) {
    pop_margin_ = std::min(pop_margin_, unhindered - visible());
    if (pops_ != nullptr) pops_->add(popped_ + skipped_, cycle);
    if (trace_) events_.push_back({true, cycle});
    read_[at(popped_++)] = cycle;
  }

  /// Every push and pop is told to these; neither if null.
  void record(StepRecord* pushes, StepRecord* pops) {
    pushes_ = pushes;
    pops_ = pops;
  }

  /// Counts the cycles at each occupancy, as far as the known pushes and pops settle it. To be
  /// called before `depth` further pushes. A word occupies its slot from its push to its pop, both
  /// included.
  void settle();
  /// No push and no pop will follow: counts on to the cycle `end`.
  void settle_until(int64_t end);
  int high_water() const { return high_water_; }
  const std::vector<int64_t>& cycles_at() const { return cycles_at_; }  ///< [0 .. depth]

  /// Appends all that later pushes and pops depend on: what the writer did relative to its cycle
  /// `writer`, what the reader did relative to `reader`. Every slot has to have been used.
  void append_state(int64_t writer, int64_t reader, std::vector<int64_t>& state) const;
  /// Appends what is still to be counted; where writer and reader keep pace.
  void append_unsettled(int64_t writer, std::vector<int64_t>& state) const;
  bool every_slot_used() const { return pushed_ >= depth_; }

  /// From here on: by how many cycles slots came too early to matter, and words did. Negative where
  /// one was waited for.
  int64_t push_margin() const { return push_margin_; }
  int64_t pop_margin() const { return pop_margin_; }
  void reset_margins() { push_margin_ = pop_margin_ = std::numeric_limits<int64_t>::max(); }

  /// From here on all pushes and pops are kept, or none any more.
  void trace(bool on) {
    trace_ = on;
    events_.clear();
  }
  bool traced() const { return trace_; }

  /// `words` words pass unseen, in `periods` periods alike in each of which the writer's times grow
  /// by `writer` cycles and the reader's by `reader`. Occupancies: where both are equal,
  /// counted[n] cycles at occupancy n in each period; else the period that was traced, again.
  void skip(int64_t words, int64_t periods, int64_t writer, int64_t reader,
            const std::vector<int64_t>& counted);

 private:
  struct Event {
    bool pops;
    int64_t cycle;
  };
  size_t at(int64_t index) const { return static_cast<uint64_t>(index) & mask_; }
  void enter(int64_t cycle);
  void leave(int64_t cycle);
  void pass(int64_t cycle);

  int depth_;
  uint64_t mask_;
  int64_t pushed_ = 0;
  int64_t popped_ = 0;
  int64_t skipped_ = 0;           // words in front of those
  std::vector<int64_t> written_;  // [word & mask_]
  std::vector<int64_t> read_;     // [word & mask_]
  int64_t push_margin_ = std::numeric_limits<int64_t>::max();
  int64_t pop_margin_ = std::numeric_limits<int64_t>::max();
  StepRecord* pushes_ = nullptr;
  StepRecord* pops_ = nullptr;
  bool trace_ = false;
  std::vector<Event> events_;

  // Occupancy: words entered_ - left_ lie in the FIFO from cycle now_ on.
  int64_t entered_ = 0;
  int64_t left_ = 0;
  int64_t now_ = 0;
  int high_water_ = 0;
  std::vector<int64_t> cycles_at_;
};

}  // namespace stuckat::dataflow
