#include "models/dataflow/timed_rtl.h"

#include "models/dataflow/rtl_mvu_clock.h"
#include "models/dataflow/rtl_narrowing_clock.h"
#include "models/dataflow/rtl_window_clock.h"
#include "models/dataflow/timed_loop.h"

namespace stuckat::dataflow {

template <typename Clock>
StepStatus TimedRtl<Clock>::advance() {
  const StepStatus status = run();
  next_ = rtl_.steps();
  clock_ = rtl_.cycle();
  blocked_ = rtl_.blocked();
  return status;
}

template <typename Clock>
StepStatus TimedRtl<Clock>::run() {
  while (image_ < *admitted_) {
    if (rtl_.writes()) {
      int64_t time = rtl_.earliest_write();
      if (!offering() && !out_->has_room()) return StepStatus::needs_output;
      if (!push(time, time)) return StepStatus::needs_output;
      rtl_.write(time);
    } else if (rtl_.reads()) {
      if (in_->words() == 0) return StepStatus::needs_input;
      in_->pop(rtl_.read(in_->visible()));
    } else if (rtl_.image_done()) {
      ++image_;
      rtl_.begin_image();
    } else {
      rtl_.work();
    }
  }
  return image_ < *images_ ? StepStatus::needs_input : StepStatus::done;
}

template <typename Clock>
void TimedRtl<Clock>::skip(int64_t images, int64_t steps, int64_t blocked) {
  skipped_images_ += images;
  rtl_.skip(steps, blocked);
  next_ += steps;
  blocked_ += blocked;
}

std::unique_ptr<TimedPart> timed_part(const PartProgram& program, TimedFifo* in, TimedFifo* out,
                                      const int64_t* images, const int64_t* admitted) {
  const int64_t cycles = cycles_per_image(program);
  const auto rtl = [&]<typename Clock>(const Clock& clock) -> std::unique_ptr<TimedPart> {
    return std::make_unique<TimedRtl<Clock>>(clock, cycles, in, out, images, admitted);
  };
  if (const auto* loop = std::get_if<LoopProgram>(&program)) {
    return timed_loop(*loop, in, out, images, admitted);
  }
  if (const auto* window = std::get_if<RtlWindowProgram>(&program)) {
    return rtl(RtlWindowClock(window->shape));
  }
  if (const auto* mvu = std::get_if<RtlMvuShape>(&program)) return rtl(RtlMvuClock(*mvu));
  return rtl(RtlNarrowingClock(std::get<RtlNarrowingShape>(program)));
}

}  // namespace stuckat::dataflow
