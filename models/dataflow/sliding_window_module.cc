#include "models/dataflow/sliding_window_module.h"

#include <algorithm>

namespace stuckat::dataflow {

using kernel::StepStatus;

SlidingWindowModule::SlidingWindowModule(const sc_core::sc_module_name& name,
                                         kernel::Stream& source, kernel::Stream& sink,
                                         const Params& params)
    : Stage(name, &source, &sink),
      params_(params),
      core_(params.shape, source.limbs()),
      pipeline_(params.latency_steps, params.discipline, &sink) {}

StepStatus SlidingWindowModule::step(bool reads, bool writes) {
  if (const StepStatus p = pipeline_.step(0, reads ? in() : nullptr); p != StepStatus::done)
    return p;
  core_.settle(pipeline_.start());
  if (reads) {
    core_.write(in()->front());
    in()->pop(pipeline_.start());
    ++loaded_;
  }
  if (writes) core_.read(pipeline_.emit());
  return StepStatus::done;
}

StepStatus SlidingWindowModule::advance() {
  const WindowShape& shape = params_.shape;
  const int64_t writes_per_row = shape.words_written_per_row();
  const int64_t reads_per_row = shape.words_read_per_row();
  const int64_t steps_per_row = std::max(writes_per_row, reads_per_row);
  for (; image_ < *params_.images; ++image_) {
    while (loaded_ < shape.words_loaded_first()) {
      if (const StepStatus p = step(true, false); p != StepStatus::done) return p;
    }
    for (; row_ < shape.out_height; ++row_, step_ = 0) {
      for (; step_ < steps_per_row; ++step_) {
        // Behind the last row of windows come the rows, fewer than `stride`, that none covers.
        const bool reads = step_ < reads_per_row && loaded_ < shape.words_per_image();
        if (const StepStatus p = step(reads, step_ < writes_per_row); p != StepStatus::done)
          return p;
      }
    }
    if (const StepStatus p = pipeline_.drain(); p != StepStatus::done) return p;
    core_.begin_image();
    loaded_ = 0;
    row_ = 0;
  }
  return pipeline_.drain();
}

}  // namespace stuckat::dataflow
