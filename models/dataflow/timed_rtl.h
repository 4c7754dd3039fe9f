// FINN's parts in RTL between two FIFOs of times, for the timing-only engine: their clocks say
// when.
#pragma once

#include "models/dataflow/timed_part.h"

namespace stuckat::dataflow {

/// A part whose clock says what comes next: a word is written, or read, or something inside is
/// done.
template <typename Clock>
class TimedRtl : public TimedPart {
 public:
  TimedRtl(const Clock& clock, int64_t cycles_per_image, TimedFifo* in, TimedFifo* out,
           const int64_t* images, const int64_t* admitted)
      : TimedPart(in, out, images, admitted), rtl_(clock), cycles_per_image_(cycles_per_image) {}

  StepStatus advance() override;
  int64_t busy() const override { return (image_ + skipped_images_) * cycles_per_image_; }
  int64_t next_step_cycle() const override { return rtl_.next_step_cycle(); }
  void record(StepRecord* steps) override { rtl_.record(steps); }
  void record_exits(StepRecord* exits) override {
    if constexpr (requires { rtl_.record_exits(exits); }) rtl_.record_exits(exits);
  }
  void note_margins(Margins* margins) override {
    TimedPart::note_margins(margins);
    rtl_.note_margins(margins);
  }
  void append_position(int64_t image, std::vector<int64_t>& position) const override {
    position.push_back(image_ - image);
    rtl_.append_position(position);
  }
  void each_time(const std::function<void(int64_t&)>& of) override {
    of(clock_);
    rtl_.each_time(of);
  }
  void skip(int64_t images, int64_t steps, int64_t blocked) override;

 private:
  StepStatus run();

  Clock rtl_;
  int64_t cycles_per_image_;  // of a part that never waits
  int64_t skipped_images_ = 0;
};

}  // namespace stuckat::dataflow
