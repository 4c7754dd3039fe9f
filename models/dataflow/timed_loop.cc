#include "models/dataflow/timed_loop.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace stuckat::dataflow {
namespace {

constexpr int64_t never = std::numeric_limits<int64_t>::max();

bool is_wire(const TimedFifo* fifo) { return fifo != nullptr && fifo->is_wire(); }

/// Compiled for each discipline and, since it runs for every word, for plain loops apart: those
/// from HLS, without side register and spare results, between FIFOs that are no wires.
template <bool stalling, bool plain>
class TimedLoop final : public TimedPart {
 public:
  TimedLoop(const LoopProgram& program, TimedFifo* in, TimedFifo* out, const int64_t* images,
            const int64_t* admitted)
      : TimedPart(in, out, images, admitted),
        program_(program),
        pending_(std::bit_ceil(static_cast<uint64_t>(program.latency_steps + program.spare) + 1)),
        mask_(pending_.size() - 1) {
    begin_image();
  }

  StepStatus advance() override {
    while (image_ < *admitted_) {
      if (const StepStatus p = advance_image(); p != StepStatus::done) return p;
      ++image_;
      begin_image();
      if (arrivals_ != nullptr) arrivals_->push_back(clock_);
    }
    return image_ < *images_ ? StepStatus::needs_input : drain();
  }

  void append_position(int64_t image, std::vector<int64_t>& position) const override {
    position.insert(position.end(),
                    {image_ - image, block_ - program_.blocks.data(), repeat_,
                     block_ == end() ? 0 : phase_ - block_->phases.data(), step_, next_ - done_,
                     emitted_ - first_, std::max<int64_t>(0, left_ - first_),
                     last_due_ < 0 ? 1 : last_due_ - next_});
    for (int64_t n = first_; n < emitted_; ++n) {
      position.push_back(pending_[static_cast<uint64_t>(n) & mask_].due - next_);
    }
  }

  void each_time(const std::function<void(int64_t&)>& of) override {
    of(clock_);
    if (last_due_ >= 0) of(last_leave_);
    if (program_.side_register) of(last_read_);
    for (int64_t n = first_; n < emitted_; ++n) of(pending(n).leave);
  }

  void skip(int64_t /*images*/, int64_t steps, int64_t blocked) override {
    done_ += steps;
    next_ += steps;
    blocked_ += blocked;
    for (Output& output : pending_) output.due += steps;
    if (last_due_ >= 0) last_due_ += steps;
  }

 private:
  struct Output {
    int64_t due;    // the step in whose cycle it leaves a pipeline that never waits
    int64_t leave;  // flushing: the cycle in which it leaves, earliest or actual
  };

  void begin_image() {
    block_ = program_.blocks.data();
    if (block_ != end()) phase_ = block_->phases.data();
  }

  StepStatus advance_image() {
    while (block_ != end()) {
      if (const StepStatus p = do_phase(); p != StepStatus::done) return p;
      next_phase();
    }
    return program_.drains ? drain() : StepStatus::done;
  }

  void next_phase() {
    step_ = 0;
    if (++phase_ != block_->phases.data() + block_->phases.size()) return;
    if (++repeat_ == block_->repeat) {
      repeat_ = 0;
      if (++block_ == end()) return;
    }
    phase_ = block_->phases.data();
  }
  const Block* end() const { return program_.blocks.data() + program_.blocks.size(); }

  StepStatus do_phase() {
    if (phase_->reads && phase_->writes) return do_steps<true, true>();
    if (phase_->reads) return do_steps<true, false>();
    if (phase_->writes) return do_steps<false, true>();
    return do_steps<false, false>();
  }

  template <bool reads, bool writes>
  StepStatus do_steps() {
    const bool side_register = !plain && program_.side_register;
    const int64_t spare = plain ? 0 : program_.spare;
    const int64_t steps = phase_->steps, skip = phase_->skip;
    for (; step_ < steps; ++step_) {
      if (!stalling && flush() != StepStatus::done) return StepStatus::needs_output;
      const int64_t target = done_ + skip;
      int64_t due = has_pending() ? pending(first_).due : never;
      if (due < target) {
        if (leave_until(target) != StepStatus::done) return StepStatus::needs_output;
        due = has_pending() ? pending(first_).due : never;
      }
      if (reads && (plain ? in_->stored() : in_->words()) == 0) return StepStatus::needs_input;
      const bool leaves = due == target;
      if (stalling && leaves && out_->slots() == 0) return StepStatus::needs_output;
      const int64_t free_pipe = clock_ + (target - next_);
      int64_t taken = 0;
      if (reads) taken = plain ? in_->stored_visible() : in_->visible();
      if (reads && side_register) taken = later(last_read_ + 1, taken);
      const int64_t unblocked = reads ? later(free_pipe, taken) : free_pipe;
      int64_t time = unblocked;
      if (leaves) {
        time = stalling ? push_to_slot(unblocked) : later(unblocked, pending(first_).leave + spare);
        blocked_ += time - unblocked;
        ++first_;
      }
      if (steps_ != nullptr) steps_->add(target, time);
      if (reads && plain) {
        in_->pop_stored(time);
      } else if (reads) {
        in_->pop(side_register ? taken : time);
        last_read_ = time;
      }
      if (writes) {
        const int64_t latency = program_.latency_steps;
        pending(emitted_) = {target + latency + spare, time + latency};
        ++emitted_;
      }
      next_ = done_ = target + 1;
      clock_ = time + 1;
    }
    return StepStatus::done;
  }

  /// Outputs that leave in the cycle of a step before `end`, while nothing is read.
  StepStatus leave_until(int64_t end) {
    const int64_t spare = plain ? 0 : program_.spare;
    while (has_pending() && pending(first_).due < end) {
      if (stalling && out_->slots() == 0) return StepStatus::needs_output;
      const Output& output = pending(first_);
      const int64_t free_pipe = clock_ + (output.due - next_);
      const int64_t time =
          stalling ? push_to_slot(free_pipe) : later(free_pipe, output.leave + spare);
      if (time > free_pipe) {
        blocked_ += time - free_pipe;
        if (steps_ != nullptr) steps_->add(output.due, time);
      }
      next_ = output.due;
      clock_ = time;
      ++first_;
    }
    return StepStatus::done;
  }

  /// Flushing: every output leaves as soon as there is a slot, whatever the steps behind it do.
  StepStatus flush() {
    for (; left_ < emitted_; ++left_) {
      Output& output = pending(left_);
      if (plain || !offering()) {
        if (plain ? out_->slots() == 0 : !out_->has_room()) return StepStatus::needs_output;
        if (last_due_ >= 0) {
          output.leave = later(output.leave, last_leave_ + (output.due - last_due_));
        }
      }
      if (plain) {
        output.leave = push_to_slot(output.leave);
      } else if (!push(output.leave, output.leave)) {
        return StepStatus::needs_output;
      }
      last_due_ = output.due;
      last_leave_ = output.leave;
    }
    return StepStatus::done;
  }

  StepStatus drain() {
    if (!stalling && flush() != StepStatus::done) return StepStatus::needs_output;
    while (has_pending()) {
      // The bubble that pushes the output out is a step without work.
      const int64_t due = pending(first_).due;
      if (leave_until(due + 1) != StepStatus::done) return StepStatus::needs_output;
      next_ = due + 1;
      ++clock_;
    }
    done_ = next_;
    return StepStatus::done;
  }

  Output& pending(int64_t index) { return pending_[static_cast<uint64_t>(index) & mask_]; }
  bool has_pending() const { return first_ < emitted_; }

  const LoopProgram& program_;

  // Position in the image: block, its repetition, phase, and step of the phase.
  const Block* block_ = nullptr;  // end(): it drains
  int64_t repeat_ = 0;
  const Phase* phase_ = nullptr;
  int64_t step_ = 0;

  int64_t done_ = 0;  // steps that are complete: next_ is ahead while it waits among skipped steps

  // Outputs in the pipeline, first_ <= n < emitted_; flushing: those before left_ have left.
  std::vector<Output> pending_;  // [n & mask_]
  uint64_t mask_;
  int64_t first_ = 0;
  int64_t left_ = 0;
  int64_t emitted_ = 0;
  int64_t last_due_ = -1;  // flushing: the last output that left
  int64_t last_leave_ = -1;
  int64_t last_read_ = -1;  // the step that read a word
};

}  // namespace

std::unique_ptr<TimedPart> timed_loop(const LoopProgram& program, TimedFifo* in, TimedFifo* out,
                                      const int64_t* images, const int64_t* admitted) {
  const auto make = [&]<bool stalling>() -> std::unique_ptr<TimedPart> {
    if (program.side_register || program.spare != 0 || is_wire(in) || is_wire(out)) {
      return std::make_unique<TimedLoop<stalling, false>>(program, in, out, images, admitted);
    }
    return std::make_unique<TimedLoop<stalling, true>>(program, in, out, images, admitted);
  };
  return program.discipline == Discipline::stalling ? make.operator()<true>()
                                                    : make.operator()<false>();
}

}  // namespace stuckat::dataflow
