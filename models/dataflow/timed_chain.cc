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
  parts_.reserve(chain_.stages.size());
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

/// Runs a part until it can go no further for lack of slots behind it, and those before it as far
/// as it asks for words.
void TimedChain::drive(size_t stage) {
  for (size_t at = stage;;) {
    const Progress progress = advance(at);
    if (progress == Progress::needs_input)
      --at;
    else if (at == stage)
      return;
    else
      ++at;  // it has a word for the one behind it, if only its last
  }
}

// The writer takes one image, then all others go as far as they can: by the determinism of process
// networks that is one and the same state whatever the order, so states of different images
// compare.
void TimedChain::run_next_image() {
  ++admitted_;
  for (size_t stage = parts_.size(); stage-- > 0;) {
    drive(stage);
    if (stage + 1 == parts_.size()) arrivals_.push_back(parts_[stage].cycles());
  }
}

TimedChain::Snapshot TimedChain::snapshot() const {
  Snapshot s;
  s.image = admitted_;
  for (const TimedPart& part : parts_) {
    part.append_state(admitted_, s.state);
    s.clocks.push_back(part.cycles());
    s.blocked.push_back(part.blocked());
  }
  for (size_t i = 0; i < fifos_.size(); ++i) {
    fifos_[i].append_state(s.clocks[i], s.clocks[i + 1], s.state);
    if (!options_.occupancy) continue;
    s.unsettled.emplace_back();
    fifos_[i].append_unsettled(s.clocks[i], s.unsettled.back());
    s.cycles_at.push_back(fifos_[i].cycles_at());
  }
  return s;
}

void TimedChain::keep(Snapshot now) {
  old_ = std::move(now);
  age_ = 0;
  for (TimedFifo& fifo : fifos_) fifo.reset_margins();
}

// Brent's cycle detection: one old state is kept, each time twice as long, unless the last two
// images are already alike.
void TimedChain::look_for_period(ChainRecords* records) {
  if (!std::all_of(fifos_.begin(), fifos_.end(),
                   [](const TimedFifo& f) { return f.every_slot_used(); })) {
    return;
  }
  ++age_;
  Snapshot now = snapshot();
  if (now.state == old_.state) {
    const int64_t periods = periods_alike(now);
    if (periods < 2) return;
    if (trace_drifting(now)) {  // one more period, to be replayed
      patience_ = std::max(patience_, 2 * age_);
      keep(std::move(now));
      return;
    }
    skip(now, periods, records);
    for (TimedFifo& fifo : fifos_) fifo.trace(false);
    old_ = {};
    last_state_.clear();
    age_ = 0;
    patience_ = 1;
    return;
  }
  if (age_ < patience_ && now.state != last_state_) {
    last_state_ = std::move(now.state);
    return;
  }
  if (age_ >= patience_) patience_ *= 2;
  last_state_ = now.state;
  for (TimedFifo& fifo : fifos_) fifo.trace(false);
  keep(std::move(now));
}

/// How many further periods are surely like the one from old_ to now, within the run.
int64_t TimedChain::periods_alike(const Snapshot& now) const {
  // No part may see the end of the run: the reader is furthest ahead.
  int64_t periods = (simulated_ - 1 - parts_.front().image()) / (now.image - old_.image);
  const auto bound = [&](int64_t margin, int64_t shrinks) {
    if (shrinks == 0) return;
    if (margin < 0) periods = 0;
    if (shrinks > 0) periods = std::min(periods, std::max<int64_t>(0, margin) / shrinks);
  };
  for (size_t i = 0; i < fifos_.size(); ++i) {
    const int64_t writer = now.clocks[i] - old_.clocks[i];
    const int64_t reader = now.clocks[i + 1] - old_.clocks[i + 1];
    bound(fifos_[i].push_margin(), reader - writer);
    bound(fifos_[i].pop_margin(), writer - reader);
    // Margins say nothing about what is still to be counted where both keep pace.
    if (options_.occupancy && writer == reader && now.unsettled[i] != old_.unsettled[i]) return 0;
  }
  return periods;
}

/// Traces the FIFOs whose two sides do not keep pace; true if one was not yet traced.
bool TimedChain::trace_drifting(const Snapshot& now) {
  if (!options_.occupancy) return false;
  bool news = false;
  for (size_t i = 0; i < fifos_.size(); ++i) {
    const bool drifts = now.clocks[i] - old_.clocks[i] != now.clocks[i + 1] - old_.clocks[i + 1];
    news |= drifts && !fifos_[i].traced();
  }
  if (!news) return false;
  for (size_t i = 0; i < fifos_.size(); ++i) {
    fifos_[i].trace(now.clocks[i] - old_.clocks[i] != now.clocks[i + 1] - old_.clocks[i + 1]);
  }
  return true;
}

void TimedChain::skip(const Snapshot& now, int64_t periods, ChainRecords* records) {
  const int64_t images = now.image - old_.image;
  const auto clock = [&](size_t stage) { return now.clocks[stage] - old_.clocks[stage]; };
  bool steady = true;
  for (size_t i = 0; i < fifos_.size(); ++i) {
    const int64_t words = images * chain_.streams[i].words_per_image;
    TimedFifo& fifo = fifos_[i];
    if (records != nullptr) {
      const int64_t seen = fifo.pushed() + fifo.skipped(), read = fifo.popped() + fifo.skipped();
      records->pushes[i].repeat(seen, fifo.last_push() + 1, words, clock(i), periods);
      records->pops[i].repeat(read, fifo.last_pop() + 1, words, clock(i + 1), periods);
    }
    std::vector<int64_t> counted;
    if (options_.occupancy) {
      counted = now.cycles_at[i];
      for (size_t n = 0; n < counted.size(); ++n) counted[n] -= old_.cycles_at[i][n];
    }
    fifo.skip(periods * words, periods, clock(i), clock(i + 1), counted);
    steady &= clock(i) == clock(i + 1);
  }
  for (size_t i = 0; i < parts_.size(); ++i) {
    const int64_t steps = images * programs_[i].cycles_per_image();
    if (records != nullptr) {
      records->steps[i].repeat(parts_[i].busy(), parts_[i].cycles(), steps, clock(i), periods);
    }
    parts_[i].skip(periods * steps, periods * clock(i),
                   periods * (now.blocked[i] - old_.blocked[i]));
  }
  for (int64_t n = periods * images; n > 0; --n) {
    arrivals_.push_back(arrivals_[arrivals_.size() - static_cast<size_t>(images)] +
                        clock(parts_.size() - 1));
  }
  simulated_ -= periods * images;
  if (steady) {
    const auto arrived = static_cast<int64_t>(arrivals_.size()) - periods * images;
    steady_ = {arrived, images, clock(0)};
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
    if (options_.skip_periods && parts_.front().image() < simulated_) look_for_period(records);
  }
  return result();
}

DataflowTiming TimedChain::result() {
  DataflowTiming r;
  r.steady = steady_;
  r.images_simulated = simulated_;
  r.arrival_cycles = arrivals_;
  r.first_image_cycles = arrivals_.front();
  r.steady_interval_cycles = steady_interval(arrivals_);
  // Rows that no window covers may still be read when the last result is out.
  r.total_cycles = arrivals_.back();
  for (const TimedPart& part : parts_) r.total_cycles = std::max(r.total_cycles, part.cycles());

  for (size_t i = 0; i < parts_.size(); ++i) {
    ModuleStatistics m;
    m.name = chain_.stages[i].name;
    m.busy_cycles = parts_[i].busy();
    m.blocked_cycles = parts_[i].blocked();
    m.starved_cycles = parts_[i].starved();
    m.idle_cycles = r.total_cycles - m.total_cycles();
    r.modules.push_back(m);
  }
  const auto busiest =
      std::max_element(r.modules.begin(), r.modules.end(),
                       [](const auto& a, const auto& b) { return a.busy_cycles < b.busy_cycles; });
  r.bottleneck = busiest->name;
  for (size_t i = 0; i < fifos_.size(); ++i) {
    const StreamSpec& stream = chain_.streams[i];
    StreamStatistics s{stream.name, stream.depth, images_ * stream.words_per_image, 0};
    if (options_.occupancy) {
      fifos_[i].settle_until(r.total_cycles);
      s.high_water = fifos_[i].high_water();
      s.cycles_at = fifos_[i].cycles_at();
      s.cycles_at.resize(static_cast<size_t>(s.high_water) + 1);
    }
    r.streams.push_back(std::move(s));
  }
  return r;
}

}  // namespace stuckat::dataflow
