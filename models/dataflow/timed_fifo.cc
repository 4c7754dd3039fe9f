#include "models/dataflow/timed_fifo.h"

namespace stuckat::dataflow {

void TimedFifo::pass(int64_t cycle) {
  cycles_at_[static_cast<size_t>(entered_ - left_)] += cycle - now_;
  now_ = cycle;
}

void TimedFifo::enter(int64_t cycle) {
  pass(cycle);
  ++entered_;
  high_water_ = std::max(high_water_, static_cast<int>(entered_ - left_));
}

void TimedFifo::leave(int64_t cycle) {
  pass(cycle + 1);
  ++left_;
}

// Merges pushes and pops in the order of time; a slot that falls free and one that is taken in the
// same cycle are one slot. What is not known yet comes behind the last that is.
void TimedFifo::settle() {
  for (;;) {
    const bool push_known = entered_ < pushed_, pop_known = left_ < popped_;
    if (!push_known && !pop_known) return;
    const int64_t push = push_known ? written_[at(entered_)] : last_push() + 1;
    const int64_t free = (pop_known ? read_[at(left_)] : last_pop() + 1) + 1;
    if (pop_known && free <= push) {
      leave(free - 1);
    } else if (push_known && push < free) {
      enter(push);
    } else {
      return;
    }
  }
}

void TimedFifo::settle_until(int64_t end) {
  settle();
  // The last pushes and pops have no unknown one before them.
  while (entered_ < pushed_ || left_ < popped_) {
    const bool pops =
        left_ < popped_ && (entered_ == pushed_ || read_[at(left_)] + 1 <= written_[at(entered_)]);
    pops ? leave(read_[at(left_)]) : enter(written_[at(entered_)]);
  }
  pass(std::max(end, now_));
}

void TimedFifo::append_state(int64_t writer, int64_t reader, std::vector<int64_t>& state) const {
  state.insert(state.end(), {pushed_ - popped_, last_push() - writer, last_pop() - reader});
  for (int64_t n = popped_; n < pushed_; ++n) state.push_back(written_[at(n)] - writer);
  for (int64_t n = pushed_ - depth_; n < popped_; ++n) state.push_back(read_[at(n)] - reader);
}

void TimedFifo::append_unsettled(int64_t writer, std::vector<int64_t>& state) const {
  state.insert(state.end(), {entered_ - pushed_, left_ - popped_, now_ - writer});
  for (int64_t n = entered_; n < pushed_; ++n) state.push_back(written_[at(n)] - writer);
  for (int64_t n = left_; n < popped_; ++n) state.push_back(read_[at(n)] - writer);
}

void TimedFifo::skip(int64_t words, int64_t periods, int64_t writer, int64_t reader,
                     const std::vector<int64_t>& counted) {
  skipped_ += words;
  if (writer == reader || !trace_) {
    for (int64_t& cycle : written_) cycle += periods * writer;
    for (int64_t& cycle : read_) cycle += periods * reader;
    now_ += periods * writer;
    for (size_t n = 0; n < counted.size(); ++n) cycles_at_[n] += periods * counted[n];
    return;
  }
  skipped_ -= words;  // the replay counts them
  for (int64_t period = 1; period <= periods; ++period) {
    for (const Event& event : events_) {
      if (event.pops)
        read_[at(popped_++)] = event.cycle + period * reader;
      else
        written_[at(pushed_++)] = event.cycle + period * writer;
      settle();
    }
  }
}

}  // namespace stuckat::dataflow
