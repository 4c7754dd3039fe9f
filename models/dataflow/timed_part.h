// One part of the timing-only engine, between two FIFOs of times. The recurrences are those of
// sim/kernel/README.md, without words and without SystemC; tests compare the two, cycle for cycle.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "models/dataflow/margins.h"
#include "models/dataflow/part_program.h"
#include "models/dataflow/step_record.h"
#include "models/dataflow/timed_fifo.h"
#include "sim/kernel/pipeline.h"

namespace stuckat::dataflow {

using kernel::StepStatus;

class TimedPart {
 public:
  /// All outlive the part; `in` or `out` is null at the ends of a chain. Of its `images` it may
  /// begin `admitted`.
  TimedPart(TimedFifo* in, TimedFifo* out, const int64_t* images, const int64_t* admitted)
      : in_(in), out_(out), images_(images), admitted_(admitted) {}
  virtual ~TimedPart() = default;
  TimedPart(const TimedPart&) = delete;
  TimedPart& operator=(const TimedPart&) = delete;

  /// Does steps until its images are done or something is missing.
  virtual StepStatus advance() = 0;

  int64_t image() const { return image_; }   ///< the image under way, or images done
  int64_t cycles() const { return clock_; }  ///< busy + starved + blocked
  int64_t steps() const { return next_; }    ///< and bubbles of drains, as they are recorded
  virtual int64_t busy() const { return next_; }
  /// The earliest cycle of the next step, as it is recorded: directly after the last one.
  virtual int64_t next_step_cycle() const { return clock_; }
  int64_t blocked() const { return blocked_; }
  bool waited() const { return waited_; }  ///< a word for lack of room in the stream after

  virtual void record(StepRecord* steps) { steps_ = steps; }
  /// When results leave the core of an MVU in RTL; other parts tell nothing.
  virtual void record_exits(StepRecord* /*exits*/) {}
  virtual void note_margins(Margins* margins) { margins_ = margins; }
  /// The cycle by which each image is done is appended.
  void note_arrivals(std::vector<int64_t>* arrivals) { arrivals_ = arrivals; }

  /// Appends where the part is, but for times and for images before `image`.
  virtual void append_position(int64_t image, std::vector<int64_t>& position) const = 0;
  /// Calls of(time) for every time on which later steps depend, cycles() first.
  virtual void each_time(const std::function<void(int64_t&)>& of) = 0;
  /// `images` images, `steps` steps, pass unseen, in which the part was blocked for `blocked`
  /// cycles. Times are not moved.
  virtual void skip(int64_t images, int64_t steps, int64_t blocked) = 0;

 protected:
  /// Pushes a word as soon as there is room, `earliest` or later, where has_room(). False: it goes
  /// through wires, and the next part has not taken it yet; ask again, when offering().
  bool push(int64_t earliest, int64_t& time) {
    if (out_->is_wire()) return offer(earliest, time);
    time = push_to_slot(earliest);
    return true;
  }
  /// push() into a FIFO that is no wires: it is always done.
  int64_t push_to_slot(int64_t earliest) {
    const int64_t time = later(earliest, out_->slot_free());
    waited_ |= time > earliest;
    out_->push(time);
    return time;
  }
  bool offering() const { return offering_; }
  /// The later of two times.
  int64_t later(int64_t first, int64_t second) {
    if (margins_ != nullptr) margins_->note(first - second);
    return std::max(first, second);
  }

  TimedFifo* in_;
  TimedFifo* out_;
  const int64_t* images_;
  const int64_t* admitted_;

  int64_t image_ = 0;
  int64_t next_ = 0;   // the next step
  int64_t clock_ = 0;  // earliest cycle in which that can start
  int64_t blocked_ = 0;
  bool waited_ = false;

  StepRecord* steps_ = nullptr;
  std::vector<int64_t>* arrivals_ = nullptr;

 private:
  bool offer(int64_t earliest, int64_t& time) {
    waited_ = true;  // when the word passes is for the next part to say
    if (!offering_) out_->offer(earliest);
    offering_ = out_->words() > 0;
    if (!offering_) time = out_->last_pop();
    return !offering_;
  }

  bool offering_ = false;
  Margins* margins_ = nullptr;
};

using TimedParts = std::vector<std::unique_ptr<TimedPart>>;

/// The part that runs a program, which outlives it.
std::unique_ptr<TimedPart> timed_part(const PartProgram& program, TimedFifo* in, TimedFifo* out,
                                      const int64_t* images, const int64_t* admitted);

}  // namespace stuckat::dataflow
