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

void TimedFifo::append_state(int64_t base, std::vector<int64_t>& state) const {
  state.insert(state.end(), {pushed_ - popped_, last_push() - base, last_pop() - base});
  // Words in store. The next pop comes behind the last one.
  for (int64_t n = popped_; n < pushed_; ++n) {
    state.push_back(std::max(written_[at(n)], last_pop()) - base);
  }
  // Slots that fall free behind the next possible push.
  const size_t count = state.size();
  state.push_back(0);
  for (int64_t n = popped_ - 1; n >= 0 && n >= pushed_ - depth_; --n) {
    if (read_[at(n)] <= last_push()) break;
    state.push_back(read_[at(n)] - base);
  }
  state[count] = static_cast<int64_t>(state.size() - count);
  // What the occupancy is still to count.
  state.push_back(entered_ - pushed_);
  state.push_back(left_ - popped_);
  state.push_back(now_ - base);
  for (int64_t n = entered_; n < pushed_; ++n) state.push_back(written_[at(n)] - base);
  for (int64_t n = left_; n < popped_; ++n) state.push_back(read_[at(n)] - base);
}

}  // namespace stuckat::dataflow
