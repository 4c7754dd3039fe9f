// A SystemC module around the clock of one of FINN's parts in RTL: the clock says when, what is
// derived from this says what.
#pragma once

#include <algorithm>
#include <vector>

#include "sim/kernel/stage.h"

namespace stuckat::dataflow {

struct RtlStageParams {
  int64_t cycles_per_image = 1;     ///< of a part that never waits: what counts as busy
  const int64_t* images = nullptr;  ///< of the run so far
};

template <typename Clock>
class RtlStageModule : public kernel::Stage {
 public:
  const kernel::StageCycles& cycles() const override { return cycles_; }
  int64_t free_cycle() const override { return clock_.cycle(); }

 protected:
  RtlStageModule(const sc_core::sc_module_name& name, kernel::Stream& source, kernel::Stream& sink,
                 const Clock& clock, const RtlStageParams& params)
      : Stage(name, &source, &sink),
        clock_(clock),
        params_(params),
        word_(static_cast<size_t>(sink.limbs())) {}

  /// A word was read in `cycle`.
  virtual void take(const uint64_t* word, int64_t cycle) = 0;
  /// The clock did a step inside.
  virtual void work() = 0;
  virtual void end_image() {}
  /// The word leaves, as soon as there is room: there is. Once for each word.
  virtual void leave() {}

  Clock clock_;
  /// What is written when the clock writes.
  uint64_t* word() { return word_.data(); }

 private:
  kernel::StepStatus advance() override {
    const kernel::StepStatus status = run();
    cycles_.busy = image_ * params_.cycles_per_image;
    // A part that reads ahead works while it is blocked.
    cycles_.blocked = std::min(clock_.blocked(), clock_.cycle() - cycles_.busy);
    cycles_.starved = clock_.cycle() - cycles_.busy - cycles_.blocked;
    return status;
  }
  void idle_until(int64_t cycle) override { clock_.idle_until(cycle); }

  kernel::StepStatus run() {
    while (image_ < *params_.images) {
      if (clock_.writes()) {
        if (!out()->sending() && !left_) {
          if (!out()->can_push()) return kernel::StepStatus::needs_output;
          leave_ = clock_.earliest_write();
          leave();
          left_ = true;
        }
        if (!out()->send(leave_, word_.data())) return kernel::StepStatus::needs_output;
        clock_.write(leave_);
        left_ = false;
      } else if (clock_.reads()) {
        if (!in()->can_pop()) return kernel::StepStatus::needs_input;
        const int64_t taken = clock_.read(in()->visible());
        in()->settle(taken);
        take(in()->front(), taken);
        in()->pop(taken);
      } else if (clock_.image_done()) {
        ++image_;
        clock_.begin_image();
        end_image();
      } else {
        clock_.work();
        work();
      }
    }
    return kernel::StepStatus::done;
  }

  RtlStageParams params_;
  std::vector<uint64_t> word_;
  int64_t leave_ = 0;
  bool left_ = false;
  int64_t image_ = 0;
  kernel::StageCycles cycles_;
};

}  // namespace stuckat::dataflow
