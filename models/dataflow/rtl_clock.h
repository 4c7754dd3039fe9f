// What the clocks of FINN's parts in RTL have in common. Such a clock does one thing after the
// other: it writes a word that it has, reads one that it needs, or does a step inside. It knows
// neither words nor FIFOs: the timing-only engine and SystemC modules drive the same one. Its
// ticked twin, register by register, is in tests/models/dataflow/ticked_rtl.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "models/dataflow/margins.h"
#include "models/dataflow/step_record.h"

namespace stuckat::dataflow {

class RtlClock {
 public:
  /// A word is there, to be written in earliest_write() or later.
  bool writes() const { return writing_; }
  int64_t steps() const { return steps_; }      ///< inside, of all images
  int64_t blocked() const { return blocked_; }  ///< cycles in which one waited for room after

  void record(StepRecord* steps) { record_ = steps; }
  void note_margins(Margins* margins) { margins_ = margins; }
  /// `steps` steps pass unseen, in which it was blocked for `blocked` cycles.
  void skip(int64_t steps, int64_t blocked) {
    steps_ += steps;
    blocked_ += blocked;
  }

 protected:
  /// The later of two times.
  int64_t later(int64_t first, int64_t second) {
    if (margins_ != nullptr) margins_->note(first - second);
    return std::max(first, second);
  }
  /// Whether `first` comes after `second`, where something changes at once if it does.
  bool behind(int64_t first, int64_t second) {
    if (margins_ != nullptr) margins_->note(2 * (first - second) - 1);  // a tie is one of the sides
    return first > second;
  }
  void count_step(int64_t cycle, int64_t waited) {
    if (record_ != nullptr) record_->add(steps_, cycle);
    ++steps_;
    blocked_ += waited;
  }

  bool writing_ = false;
  int64_t steps_ = 0;
  int64_t blocked_ = 0;
  StepRecord* record_ = nullptr;

 private:
  Margins* margins_ = nullptr;
};

}  // namespace stuckat::dataflow
