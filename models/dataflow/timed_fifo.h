// A FIFO of times alone: sim/kernel/stamped_fifo.h without words, for the timing-only engine.
//
//   word n is written at c(n) >= p(n - depth) + 1 and read at p(n) >= c(n) + 1
#pragma once

#include <bit>
#include <cassert>
#include <cstdint>
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
  bool can_push() const { return pushed_ - popped_ < depth_; }
  bool can_pop() const { return popped_ < pushed_; }
  /// Earliest cycle of the next push, of the next pop, as far as the FIFO goes.
  /// (A slot that was never used is free in cycle 0: read_ starts at -1.)
  int64_t slot_free() const { return read_[at(pushed_ - depth_)] + 1; }
  int64_t visible() const { return written_[at(popped_)] + 1; }
  int64_t last_push() const { return pushed_ == 0 ? -1 : written_[at(pushed_ - 1)]; }
  int64_t last_pop() const { return popped_ == 0 ? -1 : read_[at(popped_ - 1)]; }

  void push(int64_t cycle) {
    if (pushes_ != nullptr) pushes_->add(pushed_, cycle);
    written_[at(pushed_++)] = cycle;
  }
  void pop(int64_t cycle) {
    if (pops_ != nullptr) pops_->add(popped_, cycle);
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

  /// Appends all that later times depend on, relative to `base`: two equal states have equal
  /// futures. Times that no later event can still feel are left out.
  void append_state(int64_t base, std::vector<int64_t>& state) const;

 private:
  size_t at(int64_t index) const { return static_cast<uint64_t>(index) & mask_; }
  void enter(int64_t cycle);
  void leave(int64_t cycle);
  void pass(int64_t cycle);

  int depth_;
  uint64_t mask_;
  int64_t pushed_ = 0;
  int64_t popped_ = 0;
  std::vector<int64_t> written_;  // [word & mask_]
  std::vector<int64_t> read_;     // [word & mask_]
  StepRecord* pushes_ = nullptr;
  StepRecord* pops_ = nullptr;

  // Occupancy: words entered_ - left_ lie in the FIFO from cycle now_ on.
  int64_t entered_ = 0;
  int64_t left_ = 0;
  int64_t now_ = 0;
  int high_water_ = 0;
  std::vector<int64_t> cycles_at_;
};

}  // namespace stuckat::dataflow
