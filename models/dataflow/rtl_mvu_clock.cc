#include "models/dataflow/rtl_mvu_clock.h"

#include <bit>

namespace stuckat::dataflow {

int64_t RtlMvuShape::replay_words() const {
  const auto words = static_cast<uint64_t>(synapse_fold);
  return static_cast<int64_t>(std::max<uint64_t>(2, std::bit_ceil(words)));
}

RtlMvuClock::RtlMvuClock(const RtlMvuShape& shape)
    : shape_(shape),
      freed_(static_cast<size_t>(shape.replay_words()), -1),
      mask_(freed_.size() - 1) {}

/// The first cycle from that one on in which the core is enabled.
int64_t RtlMvuClock::enabled(int64_t cycle) {
  for (const Gap& gap : gaps_) {
    if (!behind(cycle, gap.exit)) break;
    cycle = later(cycle, gap.end + 1);
  }
  return cycle;
}

/// So many enabled cycles after one that is enabled.
int64_t RtlMvuClock::after(int64_t cycle, int64_t enabled_cycles) {
  cycle += enabled_cycles;
  for (const Gap& gap : gaps_) {
    if (!behind(cycle, gap.exit)) break;
    cycle += gap.end - gap.exit;
  }
  return cycle;
}

void RtlMvuClock::drop_gaps() {
  std::erase_if(gaps_, [&](const Gap& gap) { return gap.exit < last_core_; });
}

// All words of the window are in the buffer: a step follows the other in every enabled cycle, and
// its word is read from the buffer in the cycle of the one before.
void RtlMvuClock::work() {
  const bool last = fold_ + 1 == shape_.neuron_fold;
  uint64_t word = (stored_ - static_cast<uint64_t>(shape_.synapse_fold)) & mask_;
  const auto read = [&](int64_t cycle) {
    freed_[word] = cycle;
    word = (word + 1) & mask_;
  };
  int64_t step = 0;            // of the fold
  int64_t cycle = last_core_;  // of the step before
  const auto run_until = [&](int64_t end) {
    for (int64_t i = step; last && i < end; ++i) read(cycle + (i - step));
    cycle += end - step;
    step = end;
  };
  for (const Gap& gap : gaps_) {
    if (!behind(cycle + (shape_.synapse_fold - step), gap.exit)) break;
    run_until(step + (gap.exit - cycle));
    if (last) read(cycle);
    cycle = gap.end + 1;
    blocked_ += gap.end - gap.exit;
    if (record_ != nullptr) record_->add(steps_ + step, cycle);
    ++step;
  }
  run_until(shape_.synapse_fold);
  last_core_ = cycle;
  steps_ += shape_.synapse_fold;
  if (!gaps_.empty()) drop_gaps();
  end_fold();
}

void RtlMvuClock::end_fold() {
  const int64_t stages = shape_.core_stages;
  exit_ = gaps_.empty() ? last_core_ + stages : after(last_core_, stages);
  if (exits_ != nullptr) exits_->add(results_, exit_);
  ++results_;
  writing_ = true;
  step_ = 0;
  if (++fold_ < shape_.neuron_fold) return;
  fold_ = 0;
  ++window_;
}

/// The second output register is taken as long as the first one holds the output before.
void RtlMvuClock::write(int64_t cycle) {
  const int64_t end = later(exit_, last_write_);
  if (end > exit_) gaps_.push_back({exit_, end});
  last_write_ = cycle;
  writing_ = false;
}

void RtlMvuClock::append_position(std::vector<int64_t>& position) const {
  position.insert(position.end(),
                  {window_, fold_, step_, writing_ ? 1 : 0, static_cast<int64_t>(gaps_.size())});
}

}  // namespace stuckat::dataflow
