#include "models/dataflow/timed_loop.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace stuckat::dataflow {
namespace {
constexpr int64_t never = std::numeric_limits<int64_t>::max();
}

TimedLoop::TimedLoop(const LoopProgram& program, TimedFifo* in, TimedFifo* out,
                     const int64_t* images, const int64_t* admitted)
    : TimedPart(in, out, images, admitted),
      program_(program),
      pending_(std::bit_ceil(static_cast<uint64_t>(program.latency_steps + program.spare) + 1)),
      mask_(pending_.size() - 1) {}

/// Flushing: every output leaves as soon as there is a slot, whatever the steps behind it do.
Progress TimedLoop::flush() {
  for (; left_ < emitted_; ++left_) {
    Output& output = pending(left_);
    if (!offering()) {
      if (!out_->has_room()) return Progress::needs_output;
      if (last_due_ >= 0) {
        output.leave = later(output.leave, last_leave_ + (output.due - last_due_));
      }
    }
    if (!push(output.leave, output.leave)) return Progress::needs_output;
    last_due_ = output.due;
    last_leave_ = output.leave;
  }
  return Progress::done;
}

/// Outputs that leave in the cycle of a step before `end`, while nothing is read.
template <bool stalling>
Progress TimedLoop::leave_until(int64_t end) {
  while (has_pending() && pending(first_).due < end) {
    if (stalling && out_->slots() == 0) return Progress::needs_output;
    const Output& output = pending(first_);
    const int64_t free_pipe = clock_ + (output.due - next_);
    int64_t time = free_pipe;
    if (stalling) {
      push(free_pipe, time);
    } else {
      time = later(free_pipe, output.leave + program_.spare);
    }
    if (time > free_pipe) {
      blocked_ += time - free_pipe;
      if (steps_ != nullptr) steps_->add(output.due, time);
    }
    next_ = output.due;
    clock_ = time;
    ++first_;
  }
  return Progress::done;
}

template <bool stalling, bool reads, bool writes>
Progress TimedLoop::run_steps(const Run& run) {
  for (; step_ < run.steps; ++step_) {
    if (!stalling && flush() != Progress::done) return Progress::needs_output;
    const int64_t target = done_ + run.skip;
    int64_t due = has_pending() ? pending(first_).due : never;
    if (due < target) {
      if (leave_until<stalling>(target) != Progress::done) return Progress::needs_output;
      due = has_pending() ? pending(first_).due : never;
    }
    if (reads && in_->words() == 0) return Progress::needs_input;
    const bool leaves = due == target;
    if (stalling && leaves && out_->slots() == 0) return Progress::needs_output;
    const int64_t free_pipe = clock_ + (target - next_);
    int64_t taken = reads ? in_->visible() : 0;
    if (reads && program_.side_register) taken = later(last_read_ + 1, taken);
    const int64_t unblocked = reads ? later(free_pipe, taken) : free_pipe;
    int64_t time = unblocked;
    if (leaves) {
      if (stalling) {
        push(unblocked, time);
      } else {
        time = later(unblocked, pending(first_).leave + program_.spare);
      }
      blocked_ += time - unblocked;
      ++first_;
    }
    if (steps_ != nullptr) steps_->add(target, time);
    if (reads) {
      in_->pop(program_.side_register ? taken : time);
      last_read_ = time;
    }
    if (writes) {
      const int64_t latency = program_.latency_steps;
      pending(emitted_) = {target + latency + program_.spare, time + latency};
      ++emitted_;
    }
    next_ = done_ = target + 1;
    clock_ = time + 1;
  }
  return Progress::done;
}

template <bool stalling>
Progress TimedLoop::run_steps(const Run& run) {
  if (run.reads && run.writes) return run_steps<stalling, true, true>(run);
  if (run.reads) return run_steps<stalling, true, false>(run);
  if (run.writes) return run_steps<stalling, false, true>(run);
  return run_steps<stalling, false, false>(run);
}

Progress TimedLoop::drain() {
  const bool stalling = program_.discipline == Discipline::stalling;
  if (!stalling && flush() != Progress::done) return Progress::needs_output;
  while (has_pending()) {
    // The bubble that pushes the output out is a step without work.
    const int64_t due = pending(first_).due;
    const Progress p = stalling ? leave_until<true>(due + 1) : leave_until<false>(due + 1);
    if (p != Progress::done) return p;
    next_ = due + 1;
    ++clock_;
  }
  done_ = next_;
  return Progress::done;
}

Progress TimedLoop::advance_image() {
  const bool stalling = program_.discipline == Discipline::stalling;
  for (; block_ < program_.blocks.size(); ++block_, repeat_ = 0) {
    const Block& block = program_.blocks[block_];
    for (; repeat_ < block.repeat; ++repeat_, run_ = 0) {
      for (; run_ < block.runs.size(); ++run_, step_ = 0) {
        const Run& run = block.runs[run_];
        const Progress p = stalling ? run_steps<true>(run) : run_steps<false>(run);
        if (p != Progress::done) return p;
      }
    }
  }
  return program_.drains ? drain() : Progress::done;
}

Progress TimedLoop::advance() {
  while (image_ < *admitted_) {
    if (const Progress p = advance_image(); p != Progress::done) return p;
    ++image_;
    block_ = 0;
    if (arrivals_ != nullptr) arrivals_->push_back(clock_);
  }
  return image_ < *images_ ? Progress::needs_input : drain();
}

void TimedLoop::append_position(int64_t image, std::vector<int64_t>& position) const {
  position.insert(position.end(),
                  {image_ - image, static_cast<int64_t>(block_), repeat_,
                   static_cast<int64_t>(run_), step_, next_ - done_, emitted_ - first_,
                   std::max<int64_t>(0, left_ - first_), last_due_ < 0 ? 1 : last_due_ - next_});
  for (int64_t n = first_; n < emitted_; ++n) {
    position.push_back(pending_[static_cast<uint64_t>(n) & mask_].due - next_);
  }
}

void TimedLoop::each_time(const std::function<void(int64_t&)>& of) {
  of(clock_);
  if (last_due_ >= 0) of(last_leave_);
  if (program_.side_register) of(last_read_);
  for (int64_t n = first_; n < emitted_; ++n) of(pending(n).leave);
}

void TimedLoop::skip(int64_t /*images*/, int64_t steps, int64_t blocked) {
  done_ += steps;
  next_ += steps;
  blocked_ += blocked;
  for (Output& output : pending_) output.due += steps;
  if (last_due_ >= 0) last_due_ += steps;
}

}  // namespace stuckat::dataflow
