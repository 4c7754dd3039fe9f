#include "models/dataflow/timed_chain.h"

#include <algorithm>
#include <cassert>

#include "workloads/errors.h"

namespace stuckat::dataflow {

TimedChain::TimedChain(const Network& network, const DataflowAccelerator& accelerator,
                       int64_t images, const TimingOptions& options)
    : options_(options), images_(images), simulated_(images) {
  validate(accelerator, network);
  if (images < 1) {
    throw InputError("dataflow:" + accelerator.name, std::to_string(images) + " images",
                     "at least one");
  }
  chain_ = build_chain(accelerator, network);
  programs_ = loop_programs(chain_, accelerator, network);
  for (const StreamSpec& stream : chain_.streams) fifos_.emplace_back(stream.depth);
  const size_t last = chain_.stages.size() - 1;
  for (size_t i = 0; i <= last; ++i) {
    parts_.emplace_back(programs_[i], i > 0 ? &fifos_[i - 1] : nullptr,
                        i < last ? &fifos_[i] : nullptr, i < last ? &simulated_ : &admitted_);
    // What one part sends for an image the next one takes: a chain of them cannot deadlock.
    assert(i == 0 ||
           (programs_[i - 1].words_written_per_image() == chain_.streams[i - 1].words_per_image &&
            programs_[i].words_read_per_image() == chain_.streams[i - 1].words_per_image));
  }
}

Progress TimedChain::advance(size_t stage) {
  const Progress progress = parts_[stage].advance();
  if (options_.occupancy) {
    if (stage > 0) fifos_[stage - 1].settle();
    if (stage < fifos_.size()) fifos_[stage].settle();
  }
  return progress;
}

// The writer takes one image, then all others go as far as they can: by the determinism of process
// networks that is one and the same state whatever the order, so states of different images
// compare.
void TimedChain::run_next_image() {
  ++admitted_;
  const size_t writer = parts_.size() - 1;
  size_t stage = writer;
  for (;;) {
    const Progress progress = advance(stage);
    if (progress == Progress::done && stage == writer) break;
    // A part that has done all its images leaves its last words to the one behind it.
    progress == Progress::needs_input ? --stage : ++stage;
  }
  arrivals_.push_back(parts_[writer].cycles());
  for (bool moved = true; moved;) {
    moved = false;
    for (stage = writer; stage-- > 0;) {
      const int64_t steps = parts_[stage].busy();
      const int64_t words = fifos_[stage].pushed();
      advance(stage);
      moved |= parts_[stage].busy() != steps || fifos_[stage].pushed() != words;
    }
  }
}

TimedChain::Snapshot TimedChain::snapshot() const {
  Snapshot s;
  s.image = admitted_;
  s.cycle = arrivals_.back();
  for (const TimedPart& part : parts_) {
    part.append_state(admitted_, s.cycle, s.state);
    s.blocked.push_back(part.blocked());
  }
  for (const TimedFifo& fifo : fifos_) {
    fifo.append_state(s.cycle, s.state);
    s.cycles_at.push_back(fifo.cycles_at());
  }
  return s;
}

// Brent's cycle detection: one old state is kept, of an ever older image.
void TimedChain::look_for_period(ChainRecords* records) {
  last_ = snapshot();
  if (last_.state != first_.state) {
    if (admitted_ < next_saved_) return;
    next_saved_ *= 2;
    first_ = std::move(last_);
    return;
  }
  // No part may have seen the end of the run: the reader is furthest ahead.
  const int64_t period = last_.image - first_.image;
  times_ = (simulated_ - 1 - parts_.front().image()) / period;
  simulated_ -= times_ * period;
  if (records != nullptr) repeat_period(*records);
}

void TimedChain::repeat_period(ChainRecords& records) const {
  const int64_t images = last_.image - first_.image;
  const int64_t cycles = last_.cycle - first_.cycle;
  for (size_t i = 0; i < parts_.size(); ++i) {
    records.steps[i].repeat(parts_[i].busy(), parts_[i].cycles(),
                            images * programs_[i].cycles_per_image(), cycles, times_);
  }
  for (size_t i = 0; i < fifos_.size(); ++i) {
    const TimedFifo& f = fifos_[i];
    const int64_t words = images * chain_.streams[i].words_per_image;
    records.pushes[i].repeat(f.pushed(), f.last_push() + 1, words, cycles, times_);
    records.pops[i].repeat(f.popped(), f.last_pop() + 1, words, cycles, times_);
  }
}

DataflowTiming TimedChain::run(ChainRecords* records) {
  if (records != nullptr) {
    records->steps.resize(parts_.size());
    records->pushes.resize(fifos_.size());
    records->pops.resize(fifos_.size());
    for (size_t i = 0; i < parts_.size(); ++i) parts_[i].record(&records->steps[i]);
    for (size_t i = 0; i < fifos_.size(); ++i) {
      fifos_[i].record(&records->pushes[i], &records->pops[i]);
    }
  }
  while (admitted_ < simulated_) {
    run_next_image();
    if (options_.skip_periods && times_ == 0 && parts_.front().image() < simulated_) {
      look_for_period(records);
    }
  }
  return result();
}

DataflowTiming TimedChain::result() {
  DataflowTiming r;
  const int64_t period_images = times_ > 0 ? last_.image - first_.image : 0;
  const int64_t period_cycles = times_ > 0 ? last_.cycle - first_.cycle : 0;
  if (times_ > 0) r.steady = {last_.image, period_images, period_cycles};
  r.images_simulated = simulated_;

  const int64_t later = times_ * period_cycles;
  for (int64_t i = 0; i < simulated_; ++i) {
    if (times_ > 0 && i == last_.image) {
      for (int64_t n = times_ * period_images; n > 0; --n) {
        r.arrival_cycles.push_back(r.arrival_cycles[r.arrival_cycles.size() - period_images] +
                                   period_cycles);
      }
    }
    r.arrival_cycles.push_back(arrivals_[i] + (i >= last_.image ? later : 0));
  }
  r.first_image_cycles = r.arrival_cycles.front();
  r.steady_interval_cycles = steady_interval(r.arrival_cycles);
  // Rows that no window covers may still be read when the last result is out.
  int64_t end = arrivals_.back();
  for (const TimedPart& part : parts_) end = std::max(end, part.cycles());
  r.total_cycles = end + later;

  for (size_t i = 0; i < parts_.size(); ++i) {
    const TimedPart& part = parts_[i];
    ModuleStatistics m;
    m.name = chain_.stages[i].name;
    m.busy_cycles = part.busy() + times_ * period_images * programs_[i].cycles_per_image();
    m.blocked_cycles = part.blocked();
    if (times_ > 0) m.blocked_cycles += times_ * (last_.blocked[i] - first_.blocked[i]);
    m.starved_cycles = part.cycles() + later - m.busy_cycles - m.blocked_cycles;
    m.idle_cycles = r.total_cycles - m.total_cycles();
    r.modules.push_back(m);
  }
  const auto busiest =
      std::max_element(r.modules.begin(), r.modules.end(),
                       [](const auto& a, const auto& b) { return a.busy_cycles < b.busy_cycles; });
  r.bottleneck = busiest->name;
  for (size_t i = 0; i < fifos_.size(); ++i) {
    const StreamSpec& stream = chain_.streams[i];
    if (options_.occupancy) fifos_[i].settle_until(end);
    StreamStatistics s{stream.name, stream.depth, images_ * stream.words_per_image,
                       fifos_[i].high_water()};
    s.cycles_at = fifos_[i].cycles_at();
    s.cycles_at.resize(static_cast<size_t>(s.high_water) + 1);
    for (size_t n = 0; times_ > 0 && n < s.cycles_at.size(); ++n) {
      s.cycles_at[n] += times_ * (last_.cycles_at[i][n] - first_.cycles_at[i][n]);
    }
    r.streams.push_back(std::move(s));
  }
  return r;
}

}  // namespace stuckat::dataflow
