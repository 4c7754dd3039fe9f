// When the steps of a part, or the words of a stream, happened: segments of consecutive cycles, and
// periods that stand for many.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace stuckat::dataflow {

class StepRecord {
 public:
  /// Step `index` happened in `cycle`. Indices and cycles only grow; steps that are not told of
  /// follow their predecessor in the next cycle.
  void add(int64_t index, int64_t cycle) {
    if (!segments_.empty() && cycle - segments_.back().cycle == index - segments_.back().index)
      return;
    segments_.push_back({index, cycle});
  }
  /// From step `index` on, and from `cycle` on, the last `steps` steps happen `times` times again,
  /// each time `cycles` cycles later. The next step to be told of comes after them.
  void repeat(int64_t index, int64_t cycle, int64_t steps, int64_t cycles, int64_t times) {
    periods_.push_back({index, cycle, steps, cycles, times});
    // The step after them, unless it is told of as a later one.
    segments_.push_back({index + times * steps, cycle + times * cycles});
  }

  /// The last step that happened in `cycle` or before, -1 if none; `now`: in that very cycle.
  /// Behind the last step that was told of, one is assumed in every cycle.
  int64_t last_step(int64_t cycle, bool& now) const {
    const Period* period = last_before(cycle, &Period::cycle);
    if (period == nullptr || cycle >= period->cycle + period->times * period->cycles) {
      return find(cycle, now);
    }
    const int64_t laps = (cycle - period->cycle) / period->cycles + 1;
    // The lap before may lie in the period before.
    const int64_t step = last_step(cycle - laps * period->cycles, now);
    return step < 0 ? step : step + laps * period->steps;
  }
  /// The cycle of a step that was told of or follows from it.
  int64_t cycle_of(int64_t index) const {
    const Period* period = last_before(index, &Period::index);
    if (period == nullptr || index >= period->index + period->times * period->steps) {
      const auto after =
          std::upper_bound(segments_.begin(), segments_.end(), index,
                           [](int64_t i, const Segment& segment) { return i < segment.index; });
      return (after - 1)->cycle + (index - (after - 1)->index);
    }
    const int64_t laps = (index - period->index) / period->steps + 1;
    return cycle_of(index - laps * period->steps) + laps * period->cycles;
  }
  size_t bytes() const {
    return segments_.size() * sizeof(Segment) + periods_.size() * sizeof(Period);
  }

 private:
  struct Segment {
    int64_t index;
    int64_t cycle;
  };
  struct Period {
    int64_t index, cycle, steps, cycles, times;
  };
  const Period* last_before(int64_t value, int64_t Period::*field) const {
    const auto after = std::upper_bound(periods_.begin(), periods_.end(), value,
                                        [&](int64_t v, const Period& p) { return v < p.*field; });
    return after == periods_.begin() ? nullptr : &*(after - 1);
  }
  /// No two steps share a cycle, so that what a run would have done by now is never too little.
  int64_t find(int64_t cycle, bool& now) const {
    const auto after =
        std::upper_bound(segments_.begin(), segments_.end(), cycle,
                         [](int64_t c, const Segment& segment) { return c < segment.cycle; });
    now = false;
    if (after == segments_.begin()) return -1;
    const Segment& segment = *(after - 1);
    const int64_t step = segment.index + (cycle - segment.cycle);
    now = after == segments_.end() || step < after->index;
    return now ? step : after->index - 1;
  }

  std::vector<Segment> segments_;
  std::vector<Period> periods_;
};

}  // namespace stuckat::dataflow
