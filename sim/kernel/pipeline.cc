#include "sim/kernel/pipeline.h"

#include <algorithm>
#include <cassert>

namespace stuckat::kernel {
namespace {

/// The FIFO that a step reads, or null.
struct OneInput {
  StampedFifo* fifo;

  bool reads() const { return fifo != nullptr; }
  bool can_pop() const { return fifo->can_pop(); }
  int64_t visible() const { return fifo->visible(); }
  void note_starved(int64_t cycles) const { fifo->note_starved(cycles); }
  void settle(int64_t cycle) const { fifo->settle(cycle); }
};

/// Those that a step reads together. It waits for the last word.
struct SeveralInputs {
  std::span<StampedFifo* const> fifos;

  bool reads() const { return true; }
  bool can_pop() const {
    return std::all_of(fifos.begin(), fifos.end(), [](const auto* f) { return f->can_pop(); });
  }
  int64_t visible() const {
    int64_t last = 0;
    for (const StampedFifo* fifo : fifos) last = std::max(last, fifo->visible());
    return last;
  }
  void note_starved(int64_t cycles) const {
    const int64_t last = visible();
    for (StampedFifo* fifo : fifos) {
      if (fifo->visible() == last) return fifo->note_starved(cycles);
    }
  }
  void settle(int64_t cycle) const {
    for (StampedFifo* fifo : fifos) fifo->settle(cycle);
  }
};

}  // namespace

Pipeline::Pipeline(int latency_steps, Discipline discipline, StampedFifo* out, bool side_register,
                   int spare)
    : latency_(latency_steps),
      side_register_(side_register),
      spare_(spare),
      discipline_(discipline),
      out_(out),
      limbs_(out == nullptr ? 1 : out->limbs()),
      pending_(static_cast<size_t>(latency_steps + spare) + 1),
      words_(pending_.size() * static_cast<size_t>(limbs_)) {
  assert(latency_steps >= 1);
}

Pipeline::Pipeline(int latency_steps, Discipline discipline, std::vector<StampedFifo*> outs)
    : Pipeline(latency_steps, discipline, outs.front()) {
  beside_.assign(outs.begin() + 1, outs.end());
  assert(beside_.empty() ||
         std::all_of(outs.begin(), outs.end(), [](const auto* out) { return out->depth() > 0; }));
}

bool Pipeline::can_push_beside() const {
  return std::all_of(beside_.begin(), beside_.end(),
                     [](const auto* out) { return out->can_push(); });
}

int64_t Pipeline::slot_free_beside() const {
  int64_t free = 0;
  for (const StampedFifo* out : beside_) free = std::max(free, out->slot_free());
  return free;
}

void Pipeline::push_beside(int64_t cycle, const uint64_t* word) {
  for (StampedFifo* out : beside_) out->push(cycle, word);
}

bool Pipeline::send_to_all(int64_t& cycle, const uint64_t* word) {
  if (!can_push()) return false;
  cycle = std::max(cycle, slot_free());
  push(cycle, word);
  return true;
}

// Flushing: every output leaves as soon as there is a slot, whatever the steps behind it do.
StepStatus Pipeline::flush() {
  while (left_ < count_) {
    const int index = in_ring(first_ + left_);
    Output& output = pending_[static_cast<size_t>(index)];
    int64_t leave = output.leave;
    if (last_due_ >= 0) leave = std::max(leave, last_leave_ + (output.due - last_due_));
    if (!send(leave, word(index))) return StepStatus::needs_output;
    output.leave = leave;
    last_due_ = output.due;
    last_leave_ = output.leave;
    ++left_;
  }
  return StepStatus::done;
}

template <typename In>
StepStatus Pipeline::do_step(int64_t skip, const In& in) {
  const bool stalling = discipline_ == Discipline::stalling;
  if (!stalling && flush() != StepStatus::done) return StepStatus::needs_output;
  const int64_t target = done_ + skip;
  // Outputs that leave in the cycle of a skipped step.
  while (count_ > 0 && front().due < target) {
    if (stalling && !can_push()) return StepStatus::needs_output;
    const int64_t due = front().due;  // >= next_: it was emitted `latency` steps before
    const int64_t free_pipe = clock_ + (due - next_);
    const int64_t slot = stalling ? slot_free() : front().leave + spare_;
    const int64_t time = std::max(free_pipe, slot);
    if (stalling) push(time, word(first_));
    out_->note_blocked(time - free_pipe);
    cycles_.blocked += time - free_pipe;
    cycles_.busy += due - next_;
    next_ = due;
    clock_ = time;
    drop_front();
  }
  if (in.reads() && !in.can_pop()) return StepStatus::needs_input;
  int64_t time = clock_ + (target - next_);
  int64_t word_there = in.reads() ? in.visible() : 0;
  if (side_register_) word_there = std::max(word_there, last_read_ + 1);
  if (in.reads() && word_there > time) {
    const int64_t wait = word_there - time;
    // Not counted before it is certain that the step is done in this call.
    if (count_ > 0 && front().due == target && stalling && !can_push()) {
      return StepStatus::needs_output;
    }
    in.note_starved(wait);
    cycles_.starved += wait;
    time += wait;
  }
  if (count_ > 0 && front().due == target) {
    if (stalling && !can_push()) return StepStatus::needs_output;
    const int64_t slot = stalling ? slot_free() : front().leave + spare_;
    if (slot > time) {
      out_->note_blocked(slot - time);
      cycles_.blocked += slot - time;
      time = slot;
    }
    if (stalling) push(time, word(first_));
    drop_front();
  }
  cycles_.busy += target + 1 - next_;
  start_ = time;
  taken_ = side_register_ ? word_there : time;
  if (in.reads()) {
    in.settle(taken_);
    last_read_ = time;
  }
  next_ = target + 1;
  done_ = next_;
  clock_ = time + 1;
  return StepStatus::done;
}

StepStatus Pipeline::step(int64_t skip, StampedFifo* in) { return do_step(skip, OneInput{in}); }

StepStatus Pipeline::step(std::span<StampedFifo* const> ins) {
  return do_step(0, SeveralInputs{ins});
}

StepStatus Pipeline::drain() {
  if (discipline_ == Discipline::flushing && flush() != StepStatus::done) {
    return StepStatus::needs_output;
  }
  while (count_ > 0) {
    const bool stalling = discipline_ == Discipline::stalling;
    if (stalling && !can_push()) return StepStatus::needs_output;
    const int64_t free_pipe = clock_ + (front().due - next_);
    const int64_t time = std::max(free_pipe, stalling ? slot_free() : front().leave + spare_);
    if (stalling) push(time, word(first_));
    out_->note_blocked(time - free_pipe);
    cycles_.blocked += time - free_pipe;
    // The bubbles that push the output out are steps without work.
    cycles_.busy += front().due + 1 - next_;
    next_ = front().due + 1;
    clock_ = time + 1;
    drop_front();
  }
  done_ = next_;
  return StepStatus::done;
}

}  // namespace stuckat::kernel
