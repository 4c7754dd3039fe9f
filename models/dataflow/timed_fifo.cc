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
// same cycle are one slot. What is not known yet comes after the last that is.
void TimedFifo::settle() {
  if (is_wire()) {  // nothing lies there
    entered_ = left_ = pushed_;
    return pass(last_pop() + 1);
  }
  int64_t* const counts = cycles_at_.data();
  const int64_t next_push = last_push() + 1, next_free = last_pop() + 2;
  int64_t entered = entered_, left = left_, now = now_, most = high_water_;
  for (;;) {
    const bool push_known = entered < pushed_, pop_known = left < popped_;
    const int64_t push = push_known ? written_[at(entered)] : next_push;
    const int64_t free = pop_known ? read_[at(left)] + 1 : next_free;
    const bool leaves = pop_known && free <= push;
    if (!leaves && !(push_known && push < free)) break;
    const int64_t then = leaves ? free : push;
    counts[entered - left] += then - now;
    now = then;
    leaves ? ++left : ++entered;
    most = std::max(most, entered - left);
  }
  entered_ = entered;
  left_ = left;
  now_ = now;
  high_water_ = static_cast<int>(most);
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

void TimedFifo::deepen() {
  ++depth_;
  if (2 * static_cast<uint64_t>(depth_) <= mask_ + 1) return;
  mask_ = 2 * mask_ + 1;
  written_.assign(mask_ + 1, last_push());
  read_.assign(mask_ + 1, last_push());
}

void TimedFifo::append_unsettled(int64_t cycle, std::vector<int64_t>& state) const {
  state.insert(state.end(), {entered_ - pushed_, left_ - popped_, now_ - cycle, last_push() - cycle,
                             last_pop() - cycle});
  for (int64_t n = entered_; n < pushed_; ++n) state.push_back(written_[at(n)] - cycle);
  for (int64_t n = left_; n < popped_; ++n) state.push_back(read_[at(n)] - cycle);
}

void TimedFifo::skip(int64_t words, int64_t cycles, const std::vector<int64_t>& counted) {
  skipped_ += words;
  for (int64_t& cycle : written_) cycle += cycles;
  for (int64_t& cycle : read_) cycle += cycles;
  now_ += cycles;
  for (size_t n = 0; n < counted.size(); ++n) cycles_at_[n] += counted[n];
}

void TimedFifo::replay(int64_t images) {
  const auto words = images * push_trace_.words();
  if (is_wire() && words > 0) {
    written_[0] = read_[0] = pop_trace_.further(words - 1);
    pushed_ += words;
    popped_ += words;
    return settle();
  }
  for (int64_t pushes = 0, pops = 0; pushes < words || pops < words;) {
    if (pushes < words && slots() > 0)
      written_[at(pushed_++)] = push_trace_.further(pushes++);
    else
      read_[at(popped_++)] = pop_trace_.further(pops++);
    settle();
  }
}

}  // namespace stuckat::dataflow
