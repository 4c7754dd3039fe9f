// One part of the timing-only engine: runs a loop program between two FIFOs of times. The
// recurrences are those of sim/kernel/README.md, without words and without SystemC; tests compare
// the two, cycle for cycle.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "models/dataflow/loop_program.h"
#include "models/dataflow/margins.h"
#include "models/dataflow/stream_history.h"
#include "models/dataflow/timed_fifo.h"

namespace stuckat::dataflow {

using kernel::Progress;

class TimedPart {
 public:
  /// All outlive the part; `in` or `out` is null at the ends of a chain. Of its `images` it may
  /// begin `admitted`.
  TimedPart(const LoopProgram& program, TimedFifo* in, TimedFifo* out, const int64_t* images,
            const int64_t* admitted);

  /// Does steps until its images are done or something is missing.
  Progress advance();

  int64_t image() const { return image_; }   ///< the image under way, or images done
  int64_t cycles() const { return clock_; }  ///< busy + starved + blocked
  int64_t busy() const { return next_; }     ///< steps, and bubbles of drains
  int64_t blocked() const { return blocked_; }
  int64_t starved() const { return clock_ - next_ - blocked_; }
  bool waited() const { return waited_; }  ///< a word for lack of room in the stream behind

  void record(StepRecord* steps) { steps_ = steps; }
  void note_margins(Margins* margins) { margins_ = margins; }
  /// The cycle by which each image is done is appended.
  void note_arrivals(std::vector<int64_t>* arrivals) { arrivals_ = arrivals; }
  /// Stands for all parts that come before: sends the words of `history`, and has its states. Its
  /// program must write them, one a step.
  void play(const StreamHistory* history) { history_ = history; }
  bool plays() const { return history_ != nullptr; }

  /// Appends where the part is, but for times and for images before `image`.
  void append_position(int64_t image, std::vector<int64_t>& position) const;
  /// Calls of(time) for every time on which later steps depend, cycles() first.
  template <typename Function>
  void each_time(const Function& of) {
    of(clock_);
    if (last_due_ >= 0) of(last_leave_);
    for (int64_t n = first_; n < emitted_; ++n) of(pending(n).leave);
  }
  /// `steps` steps pass unseen, in which the part was blocked for `blocked` cycles. Times are not
  /// moved.
  void skip(int64_t steps, int64_t blocked);

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
  Progress play();
  /// As soon as there is room, `earliest` or later.
  int64_t push(int64_t earliest) {
    const int64_t time = later(earliest, out_->slot_free());
    waited_ |= time > earliest;
    out_->push(time);
    return time;
  }

  Output& pending(int64_t index) { return pending_[static_cast<uint64_t>(index) & mask_]; }
  /// The later of two times.
  int64_t later(int64_t first, int64_t second) {
    if (margins_ != nullptr) margins_->note(first - second);
    return std::max(first, second);
  }
  bool has_pending() const { return first_ < emitted_; }

  const LoopProgram& program_;
  TimedFifo* in_;
  TimedFifo* out_;
  const int64_t* images_;
  const int64_t* admitted_;

  // Position: image, block, its repetition, run, and step of the run.
  int64_t image_ = 0;
  size_t block_ = 0;
  int64_t repeat_ = 0;
  size_t run_ = 0;
  int64_t step_ = 0;

  int64_t skipped_ = 0;  // steps that passed unseen, among those that are complete
  int64_t done_ = 0;     // steps that are complete
  int64_t next_ = 0;     // the next step: ahead of done_ while it waits among skipped steps
  int64_t clock_ = 0;    // earliest cycle in which that can start
  int64_t blocked_ = 0;
  bool waited_ = false;

  // Outputs in the pipeline, first_ <= n < emitted_; flushing: those before left_ have left.
  std::vector<Output> pending_;  // [n & mask_]
  uint64_t mask_;
  int64_t first_ = 0;
  int64_t left_ = 0;
  int64_t emitted_ = 0;
  int64_t last_due_ = -1;  // flushing: the last output that left
  int64_t last_leave_ = -1;

  StepRecord* steps_ = nullptr;
  Margins* margins_ = nullptr;
  std::vector<int64_t>* arrivals_ = nullptr;
  const StreamHistory* history_ = nullptr;
};

}  // namespace stuckat::dataflow
