#include "models/dataflow/timed_junction.h"

#include <algorithm>
#include <deque>

namespace stuckat::dataflow {
namespace {

class TimedJunction final : public TimedPart {
 public:
  TimedJunction(const LoopProgram& program, std::vector<TimedFifo*> ins,
                std::vector<TimedFifo*> outs, Turns turns, const int64_t* images,
                const int64_t* admitted)
      : TimedPart(ins.front(), outs.front(), images, admitted),
        ins_(std::move(ins)),
        outs_(std::move(outs)),
        turns_(std::move(turns)),
        steps_per_image_(program.steps_per_image()),
        latency_(program.latency_steps),
        stalling_(program.discipline == Discipline::stalling) {}

  StepStatus advance() override {
    for (; image_ < *admitted_; ++image_, step_ = 0) {
      for (; step_ < steps_per_image_; ++step_) {
        if (const StepStatus p = do_step(); p != StepStatus::done) return p;
      }
    }
    return image_ < *images_ ? StepStatus::needs_input : drain();
  }

  void append_position(int64_t image, std::vector<int64_t>& position) const override {
    position.insert(position.end(),
                    {image_ - image, step_, static_cast<int64_t>(turn_), in_turn_,
                     static_cast<int64_t>(pending_.size()), static_cast<int64_t>(left_),
                     last_due_ < 0 ? 1 : last_due_ - next_});
    for (const Output& output : pending_) position.push_back(output.due - next_);
  }

  void each_time(const std::function<void(int64_t&)>& of) override {
    of(clock_);
    if (last_due_ >= 0) of(last_leave_);
    for (Output& output : pending_) of(output.leave);
  }

  void skip(int64_t /*images*/, int64_t steps, int64_t blocked) override {
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

  StepStatus do_step() {
    if (!stalling_ && flush() != StepStatus::done) return StepStatus::needs_output;
    const bool turns = !turns_.empty();
    const auto first = ins_.begin() + static_cast<std::ptrdiff_t>(turns ? turn_ : 0);
    const auto last = turns ? first + 1 : ins_.end();
    if (std::any_of(first, last, [](const auto* in) { return in->words() == 0; })) {
      return StepStatus::needs_input;
    }
    const bool leaves = !pending_.empty() && pending_.front().due == next_;
    if (stalling_ && leaves && !have_slots()) return StepStatus::needs_output;
    int64_t unblocked = clock_;
    for (auto in = first; in != last; ++in) unblocked = later(unblocked, (*in)->visible());
    int64_t time = unblocked;
    if (leaves) {
      time = stalling_ ? push_to_all(unblocked) : later(unblocked, pending_.front().leave);
      blocked_ += time - unblocked;
      drop_front();
    }
    if (steps_ != nullptr) steps_->add(next_, time);
    for (auto in = first; in != last; ++in) (*in)->pop(time);
    pending_.push_back({next_ + latency_, time + latency_});
    ++next_;
    clock_ = time + 1;
    if (turns && ++in_turn_ == turns_[turn_]) {
      in_turn_ = 0;
      if (++turn_ == ins_.size()) turn_ = 0;
    }
    return StepStatus::done;
  }

  bool have_slots() const {
    return std::all_of(outs_.begin(), outs_.end(), [](const auto* out) { return out->has_room(); });
  }

  /// A word into all streams, in one cycle.
  int64_t push_to_all(int64_t earliest) {
    int64_t time = earliest;
    for (const TimedFifo* out : outs_) time = later(time, out->slot_free());
    waited_ |= time > earliest;
    for (TimedFifo* out : outs_) out->push(time);
    return time;
  }

  StepStatus flush() {
    for (; left_ < pending_.size(); ++left_) {
      Output& output = pending_[left_];
      if (!have_slots()) return StepStatus::needs_output;
      if (last_due_ >= 0) {
        output.leave = later(output.leave, last_leave_ + (output.due - last_due_));
      }
      output.leave = push_to_all(output.leave);
      last_due_ = output.due;
      last_leave_ = output.leave;
    }
    return StepStatus::done;
  }

  StepStatus drain() {
    if (!stalling_ && flush() != StepStatus::done) return StepStatus::needs_output;
    while (!pending_.empty()) {
      if (stalling_ && !have_slots()) return StepStatus::needs_output;
      const Output& output = pending_.front();
      const int64_t free = clock_ + (output.due - next_);
      const int64_t time = stalling_ ? push_to_all(free) : later(free, output.leave);
      if (time > free) blocked_ += time - free;
      if (time > free && steps_ != nullptr) steps_->add(output.due, time);
      next_ = output.due + 1;  // the bubble that pushes it out
      clock_ = time + 1;
      drop_front();
    }
    return StepStatus::done;
  }

  void drop_front() {
    pending_.pop_front();
    if (left_ > 0) --left_;
  }

  std::vector<TimedFifo*> ins_, outs_;
  Turns turns_;
  int64_t steps_per_image_;
  int latency_;
  bool stalling_;
  int64_t step_ = 0;  // of the image
  size_t turn_ = 0;   // the input that is read now, where they take turns
  int in_turn_ = 0;
  std::deque<Output> pending_;
  size_t left_ = 0;        // flushing: the first so many have left
  int64_t last_due_ = -1;  // flushing: the last output that left
  int64_t last_leave_ = -1;
};

}  // namespace

std::unique_ptr<TimedPart> timed_junction(const LoopProgram& program, std::vector<TimedFifo*> ins,
                                          std::vector<TimedFifo*> outs, Turns turns,
                                          const int64_t* images, const int64_t* admitted) {
  return std::make_unique<TimedJunction>(program, std::move(ins), std::move(outs), std::move(turns),
                                         images, admitted);
}

}  // namespace stuckat::dataflow
