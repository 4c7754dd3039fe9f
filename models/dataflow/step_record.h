// When the steps of a part, or the words of a stream, happened: runs of consecutive cycles, and one
// period that stands for many.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace stuckat::dataflow {

class StepRecord {
 public:
  /// Step `index` happened in `cycle`, and the steps before it in the order of their indices. Steps
  /// that are not told of follow their predecessor in the next cycle.
  void add(int64_t index, int64_t cycle) {
    if (!runs_.empty() && cycle - runs_.back().cycle == index - runs_.back().index) return;
    runs_.push_back({index, cycle});
  }
  /// Steps from `index` on, and all from `cycle` on, happen `times` periods later than told; until
  /// then the period before, of `steps` steps and `cycles` cycles, repeats.
  void repeat(int64_t index, int64_t cycle, int64_t steps, int64_t cycles, int64_t times) {
    period_ = {index, cycle, steps, cycles, times};
  }

  /// The last step that happened in `cycle` or before; -1 if none. `now`: in that very cycle.
  /// A step's successor in the next cycle is assumed where nothing else was told.
  int64_t last_step(int64_t cycle, bool& now) const {
    const int64_t behind = cycle - period_.cycle;
    int64_t laps = 0;
    if (period_.times > 0 && behind >= 0) {
      // Whole periods back, to the one before `cycle`; or past all of them.
      laps = std::min(period_.times, behind / period_.cycles + 1);
      if (behind >= period_.times * period_.cycles) laps = period_.times;
    }
    const int64_t step = find(cycle - laps * period_.cycles, now);
    return step < 0 ? step : step + laps * period_.steps;
  }
  /// The cycle of a step.
  int64_t cycle_of(int64_t index) const {
    int64_t laps = 0;
    const int64_t behind = index - period_.index;
    if (period_.times > 0 && behind >= 0) {
      laps = std::min(period_.times, behind / period_.steps + 1);
    }
    index -= laps * period_.steps;
    const auto after = std::upper_bound(runs_.begin(), runs_.end(), index,
                                        [](int64_t i, const Run& run) { return i < run.index; });
    const Run& run = *(after - 1);
    return run.cycle + (index - run.index) + laps * period_.cycles;
  }

 private:
  struct Run {
    int64_t index;
    int64_t cycle;
  };
  struct Period {
    int64_t index = 0, cycle = 0, steps = 0, cycles = 0, times = 0;
  };
  int64_t find(int64_t cycle, bool& now) const {
    auto after = std::upper_bound(runs_.begin(), runs_.end(), cycle,
                                  [](int64_t c, const Run& run) { return c < run.cycle; });
    now = false;
    if (after == runs_.begin()) return -1;
    const Run& run = *(after - 1);
    const int64_t step = run.index + (cycle - run.cycle);
    now = after == runs_.end() || step < after->index;
    return now ? step : after->index - 1;
  }

  std::vector<Run> runs_;
  Period period_;
};

}  // namespace stuckat::dataflow
