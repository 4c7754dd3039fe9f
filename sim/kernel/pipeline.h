// The timing of one pipelined loop with initiation interval 1: which cycle each step starts in, and
// which cycle its output leaves in. Pure arithmetic on the stamps of its FIFOs; every stage of an
// accelerator is one of these. See sim/kernel/README.md for the recurrences.
//
//   t(i)  start of step i      >= t(i-1) + 1, and >= visible() of the word it reads
//   w(i)  output of step i leaves, `latency` steps later
//
// flushing: values move on by themselves. w(i) = max(t(i) + L, w of the output before + the steps
//           between, slot free); the pipeline holds L steps, so t(i+L) >= w(i).
// stalling: the pipeline moves only as a whole. The output of step i leaves in the cycle in which
//           step i+L starts, w(i) = t(i+L) >= slot free; if i is among the last L steps of the
//           loop it drains after them.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/kernel/stamped_fifo.h"

namespace stuckat::kernel {

enum class Discipline : uint8_t { flushing, stalling };

/// What a stage cannot go on without, or that it has done all its steps.
enum class StepStatus : uint8_t { done, needs_input, needs_output };

/// Cycles of a stage by what it did. Adds up to the cycle after its last step.
struct StageCycles {
  int64_t busy = 0;     ///< steps, and the drain of a loop that must end before the next begins
  int64_t starved = 0;  ///< waiting for a word
  int64_t blocked = 0;  ///< waiting for a free slot
};

class Pipeline {
 public:
  /// latency_steps >= 1; `out` may be null for a loop that writes nothing.
  /// side_register: the word of the next step that reads is taken while the one before waits.
  /// spare: further results that a flushing pipeline holds while the first one waits for a slot.
  Pipeline(int latency_steps, Discipline discipline, StampedFifo* out, bool side_register = false,
           int spare = 0);
  /// Its words leave into several FIFOs, into all of them in the same cycle; none of them is wires.
  Pipeline(int latency_steps, Discipline discipline, std::vector<StampedFifo*> outs);

  /// Does `skip` steps that read nothing and then one step that reads from `in` unless it is null.
  /// Returns done and start() is that step's cycle; the caller then takes front() and pops it at
  /// start(). Or returns what is missing, having done nothing that a later call would repeat.
  StepStatus step(int64_t skip, StampedFifo* in);
  /// A step that reads a word from each of several FIFOs, in the same cycle; none of them is wires.
  StepStatus step(std::span<StampedFifo* const> ins);
  int64_t start() const { return start_; }
  /// When its word is taken: with a side register in start() or before.
  int64_t taken() const { return taken_; }

  /// The step just done has an output: the place for its word, [out->limbs()].
  uint64_t* emit() {
    assert(count_ < static_cast<int>(pending_.size()));
    const int index = in_ring(first_ + count_);
    pending_[static_cast<size_t>(index)] = {next_ - 1 + latency_ + spare_, start_ + latency_};
    ++count_;
    return word(index);
  }

  /// The loop has no further steps: lets all outputs leave. The next step, if there is one after
  /// all, starts after the last of them.
  StepStatus drain();

  /// The earliest cycle of the next step, as far as the pipeline goes.
  int64_t free_cycle() const { return clock_; }
  /// After drain(): no step before `cycle`. The cycles until then count as nothing.
  void idle_until(int64_t cycle) { clock_ = std::max(clock_, cycle); }

  const StageCycles& cycles() const { return cycles_; }

 private:
  struct Output {
    int64_t due;    // the step in whose cycle it leaves a pipeline that never waits
    int64_t leave;  // flushing: earliest, later actual cycle in which it leaves
  };
  template <typename In>
  StepStatus do_step(int64_t skip, const In& in);
  StepStatus flush();
  // Of one FIFO as a rule, and that quickly.
  bool can_push() const { return out_->can_push() && (beside_.empty() || can_push_beside()); }
  int64_t slot_free() const {
    return beside_.empty() ? out_->slot_free() : std::max(out_->slot_free(), slot_free_beside());
  }
  void push(int64_t cycle, const uint64_t* word) {
    out_->push(cycle, word);
    if (!beside_.empty()) push_beside(cycle, word);
  }
  bool send(int64_t& cycle, const uint64_t* word) {
    return beside_.empty() ? out_->send(cycle, word) : send_to_all(cycle, word);
  }
  bool can_push_beside() const;
  int64_t slot_free_beside() const;
  void push_beside(int64_t cycle, const uint64_t* word);
  bool send_to_all(int64_t& cycle, const uint64_t* word);
  Output& front() { return pending_[static_cast<size_t>(first_)]; }
  uint64_t* word(int index) { return words_.data() + index * limbs_; }
  void drop_front() {
    first_ = in_ring(first_ + 1);
    --count_;
    if (left_ > 0) --left_;
  }
  /// An index mod the size of the ring: a division would cost more than the step it is for.
  int in_ring(int index) const {
    const int size = static_cast<int>(pending_.size());
    return index < size ? index : index - size;
  }

  int latency_;
  bool side_register_;
  int spare_;
  Discipline discipline_;
  StampedFifo* out_;
  std::vector<StampedFifo*> beside_;  // further ones that its words leave into
  int limbs_;
  int64_t done_ = 0;   // steps of completed calls
  int64_t next_ = 0;   // the next step: ahead of done_ while a call waits among skipped steps
  int64_t clock_ = 0;  // earliest cycle in which it can start
  int64_t start_ = 0;
  int64_t taken_ = 0;
  int64_t last_read_ = -1;  // the step that read a word
  int64_t last_due_ = -1;   // flushing: the last output that left
  int64_t last_leave_ = -1;

  // Ring of outputs in the pipeline, oldest first; flushing: the oldest `left_` have left already
  // and only bound the start of step `due`.
  std::vector<Output> pending_;
  std::vector<uint64_t> words_;
  int first_ = 0;
  int count_ = 0;
  int left_ = 0;
  StageCycles cycles_;
};

}  // namespace stuckat::kernel
