// A part of the timing-only engine that runs a loop program.
#pragma once

#include "models/dataflow/loop_program.h"
#include "models/dataflow/timed_part.h"

namespace stuckat::dataflow {

class TimedLoop : public TimedPart {
 public:
  TimedLoop(const LoopProgram& program, TimedFifo* in, TimedFifo* out, const int64_t* images,
            const int64_t* admitted);

  Progress advance() override;
  void append_position(int64_t image, std::vector<int64_t>& position) const override;
  void each_time(const std::function<void(int64_t&)>& of) override;
  void skip(int64_t images, int64_t steps, int64_t blocked) override;

 private:
  struct Output {
    int64_t due;    // the step in whose cycle it leaves a pipeline that never waits
    int64_t leave;  // flushing: the cycle in which it leaves, earliest or actual
  };

  Progress advance_image();
  template <bool stalling>
  Progress run_steps(const Run& run);
  template <bool stalling, bool reads, bool writes>
  Progress run_steps(const Run& run);
  template <bool stalling>
  Progress leave_until(int64_t end);
  Progress flush();
  Progress drain();

  Output& pending(int64_t index) { return pending_[static_cast<uint64_t>(index) & mask_]; }
  bool has_pending() const { return first_ < emitted_; }

  const LoopProgram& program_;

  // Position in the image: block, its repetition, run, and step of the run.
  size_t block_ = 0;
  int64_t repeat_ = 0;
  size_t run_ = 0;
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

}  // namespace stuckat::dataflow
