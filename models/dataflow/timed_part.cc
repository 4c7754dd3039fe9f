#include "models/dataflow/timed_part.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace stuckat::dataflow {
namespace {
constexpr int64_t never = std::numeric_limits<int64_t>::max();
}

TimedPart::TimedPart(const LoopProgram& program, TimedFifo* in, TimedFifo* out,
                     const int64_t* images, const int64_t* admitted)
    : program_(program),
      in_(in),
      out_(out),
      images_(images),
      admitted_(admitted),
      pending_(std::bit_ceil(static_cast<uint64_t>(program.latency_steps) + 1)),
      mask_(pending_.size() - 1) {}

/// Flushing: every output leaves as soon as there is a slot, whatever the steps behind it do.
Progress TimedPart::flush() {
  for (; left_ < emitted_; ++left_) {
    if (out_->slots() == 0) return Progress::needs_output;
    Output& output = pending(left_);
    if (last_due_ >= 0) {
      output.leave = later(output.leave, last_leave_ + (output.due - last_due_));
    }
    output.leave = push(output.leave);
    last_due_ = output.due;
    last_leave_ = output.leave;
  }
  return Progress::done;
}

/// Outputs that leave in the cycle of a step before `end`, while nothing is read.
template <bool stalling>
Progress TimedPart::leave_until(int64_t end) {
  while (has_pending() && pending(first_).due < end) {
    if (stalling && out_->slots() == 0) return Progress::needs_output;
    const Output& output = pending(first_);
    const int64_t free_pipe = clock_ + (output.due - next_);
    const int64_t time = stalling ? push(free_pipe) : later(free_pipe, output.leave);
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
Progress TimedPart::run_steps(const Run& run) {
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
    const int64_t unblocked = reads ? later(free_pipe, in_->visible()) : free_pipe;
    int64_t time = unblocked;
    if (leaves) {
      time = stalling ? push(unblocked) : later(unblocked, pending(first_).leave);
      blocked_ += time - unblocked;
      ++first_;
    }
    if (steps_ != nullptr) steps_->add(target, time);
    if (reads) in_->pop(time);
    if (writes) {
      pending(emitted_) = {target + program_.latency_steps, time + program_.latency_steps};
      ++emitted_;
    }
    next_ = done_ = target + 1;
    clock_ = time + 1;
  }
  return Progress::done;
}

template <bool stalling>
Progress TimedPart::run_steps(const Run& run) {
  if (run.reads && run.writes) return run_steps<stalling, true, true>(run);
  if (run.reads) return run_steps<stalling, true, false>(run);
  if (run.writes) return run_steps<stalling, false, true>(run);
  return run_steps<stalling, false, false>(run);
}

Progress TimedPart::drain() {
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

Progress TimedPart::advance_image() {
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

Progress TimedPart::play() {
  const int64_t words = program_.words_written_per_image();
  while (image_ < *admitted_) {
    // Images that were skipped count too: their words are among the steps.
    const auto& end = history_->images[static_cast<size_t>(image_ + skipped_ / words)];
    for (; done_ < end.words; ++done_) {
      if (out_->slots() == 0) return Progress::needs_output;
      push(history_->pushes.cycle_of(done_));
    }
    clock_ = end.clock;
    ++image_;
  }
  return Progress::needs_input;
}

Progress TimedPart::advance() {
  if (history_ != nullptr) return play();
  while (image_ < *admitted_) {
    if (const Progress p = advance_image(); p != Progress::done) return p;
    ++image_;
    block_ = 0;
    if (arrivals_ != nullptr) arrivals_->push_back(clock_);
  }
  return image_ < *images_ ? Progress::needs_input : drain();
}

void TimedPart::append_position(int64_t image, std::vector<int64_t>& position) const {
  if (history_ != nullptr) {
    const int64_t skipped = skipped_ / program_.words_written_per_image();
    position.push_back(history_->images[static_cast<size_t>(image_ + skipped - 1)].state);
    return;
  }
  position.insert(position.end(),
                  {image_ - image, static_cast<int64_t>(block_), repeat_,
                   static_cast<int64_t>(run_), step_, next_ - done_, emitted_ - first_,
                   std::max<int64_t>(0, left_ - first_), last_due_ < 0 ? 1 : last_due_ - next_});
  for (int64_t n = first_; n < emitted_; ++n) {
    position.push_back(pending_[static_cast<uint64_t>(n) & mask_].due - next_);
  }
}

void TimedPart::skip(int64_t steps, int64_t blocked) {
  skipped_ += steps;
  done_ += steps;
  next_ += steps;
  blocked_ += blocked;
  for (Output& output : pending_) output.due += steps;
  if (last_due_ >= 0) last_due_ += steps;
}

}  // namespace stuckat::dataflow
