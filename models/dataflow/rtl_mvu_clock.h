// When FINN's MVU in RTL does what (finn-rtllib/mvu). With more than one neuron fold a replay
// buffer of D words stands before the core, read through a register; after the core come two output
// registers, of which the second stops the core while the first is not read. A step is one of the
// core.
//
//   buffer write  a(e) >= a(e-1)+1, word visible, s(e-D in the last fold)+1
//   buffer read   s(i) >= s(i-1)+1, a(elem)+1, c(i-1)
//   core          c(i) >= s(i)+1, in an enabled cycle; NF = 1: the word is visible, and is taken
//   exit          x(o)  the core_stages-th enabled cycle after c of the last step of a fold
//   push          w(o) >= x(o)+1, w(o-1)+1, slot free
//   disabled      the cycles x(o)+1 .. w(o-1)
#pragma once

#include "models/dataflow/rtl_clock.h"

namespace stuckat::dataflow {

struct RtlMvuShape {
  int64_t synapse_fold = 1;
  int64_t neuron_fold = 1;
  int64_t windows = 1;  ///< per image
  int core_stages = 5;

  /// D: the power of two from SF on, two at least.
  int64_t replay_words() const;
  int64_t words_read_per_image() const { return windows * synapse_fold; }
  int64_t words_written_per_image() const { return windows * neuron_fold; }
  int64_t steps_per_image() const { return windows * neuron_fold * synapse_fold; }

  bool operator==(const RtlMvuShape&) const = default;
};

class RtlMvuClock : public RtlClock {
 public:
  explicit RtlMvuClock(const RtlMvuShape& shape);

  bool reads() const { return fold_ == 0 && !image_done(); }
  bool image_done() const { return window_ == shape_.windows && !writing_; }
  void begin_image() { window_ = 0; }

  /// The next word of a window, visible from that cycle on. Returns when it is taken.
  int64_t read(int64_t visible);
  /// A further fold on the window in the buffer.
  void work();
  /// The result of a fold leaves.
  int64_t earliest_write() const { return std::max(exit_, last_write_) + 1; }
  void write(int64_t cycle);

  /// The cycle in which the result that is to be written leaves the core, and that in which the one
  /// before was written.
  int64_t exit() const { return exit_; }
  int64_t last_write() const { return last_write_; }
  /// The exit of every result is told to this.
  void record_exits(StepRecord* exits) { exits_ = exits; }

  /// The cycle of the last step.
  int64_t last_step() const { return last_core_; }
  int64_t next_step_cycle() const { return last_core_ + 1; }
  int64_t cycle() const { return last_core_ + 1; }
  void skip(int64_t steps, int64_t blocked) {
    RtlClock::skip(steps, blocked);
    results_ += steps / shape_.synapse_fold;
  }
  void idle_until(int64_t cycle) {
    last_core_ = std::max(last_core_, cycle - 1);
    last_store_ = std::max(last_store_, cycle - 1);
  }

  void append_position(std::vector<int64_t>& position) const;
  template <typename Function>
  void each_time(const Function& of) {
    of(last_core_);
    of(last_write_);
    if (shape_.neuron_fold > 1) {
      of(last_store_);
      // From the place of the next word on: which place that is has no effect.
      for (uint64_t n = 0; n <= mask_; ++n) of(freed_[(stored_ + n) & mask_]);
    }
    for (Gap& gap : gaps_) {
      of(gap.exit);
      of(gap.end);
    }
  }

 private:
  /// The core stands still in the cycles after `exit` until `end`, included.
  struct Gap {
    int64_t exit;
    int64_t end;
  };
  int64_t enabled(int64_t cycle);
  int64_t after(int64_t cycle, int64_t enabled_cycles);
  void step(int64_t earliest);
  void end_fold();
  void drop_gaps();

  RtlMvuShape shape_;
  std::vector<int64_t> freed_;  // [word & mask_] when its place in the buffer was read at last
  uint64_t mask_;

  int64_t window_ = 0;  // of the image
  int64_t fold_ = 0;
  int64_t step_ = 0;     // of the fold
  uint64_t stored_ = 0;  // words so far, mod D
  int64_t exit_ = 0;     // of the fold whose result is written

  int64_t results_ = 0;  // of the run
  StepRecord* exits_ = nullptr;

  int64_t last_store_ = -1, last_core_ = -1, last_write_ = -1;
  std::vector<Gap> gaps_;  // that do not lie before the last step
};

inline void RtlMvuClock::step(int64_t earliest) {
  const int64_t ready = later(last_core_ + 1, earliest);
  last_core_ = gaps_.empty() ? ready : enabled(ready);
  count_step(last_core_, last_core_ - ready);
  if (!gaps_.empty()) drop_gaps();
}

// Once for each word of a run.
inline int64_t RtlMvuClock::read(int64_t visible) {
  int64_t taken = 0;
  if (shape_.neuron_fold == 1) {
    step(visible);
    taken = last_core_;
  } else {
    const int64_t place = later(last_store_ + 1, freed_[stored_] + 1);
    taken = last_store_ = later(place, visible);
    step(later(last_core_, taken + 1) + 1);
    stored_ = (stored_ + 1) & mask_;
  }
  if (++step_ == shape_.synapse_fold) end_fold();
  return taken;
}

}  // namespace stuckat::dataflow
