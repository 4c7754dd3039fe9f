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
    // What one part sends for an image the next one takes: sim/kernel/README.md says why
    // a chain of them cannot deadlock.
    assert(i == 0 ||
           (programs_[i - 1].words_written_per_image() == chain_.streams[i - 1].words_per_image &&
            programs_[i].words_read_per_image() == chain_.streams[i - 1].words_per_image));
  }
}

/// From now on all that is needed to skip images that move on at several paces; not earlier, since
/// many runs never do.
void TimedChain::watch_choices() {
  margins_.resize(parts_.size());
  for (size_t i = 0; i < parts_.size(); ++i) {
    margins_[i].reserve(static_cast<size_t>(programs_[i].words_read_per_image() +
                                            programs_[i].words_written_per_image()));
    parts_[i].note_margins(&margins_[i]);
  }
  if (!options_.occupancy) return;
  for (size_t i = 0; i < fifos_.size(); ++i) fifos_[i].trace(chain_.streams[i].words_per_image);
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

TimedChain::Snapshot TimedChain::snapshot() {
  Snapshot s;
  s.image = admitted_;
  const auto keep = [&](int64_t time) { s.times.push_back(time); };
  for (TimedPart& part : parts_) {
    part.append_position(admitted_, s.position);
    part.each_time(keep);
    s.clocks.push_back(part.cycles());
    s.blocked.push_back(part.blocked());
  }
  for (size_t i = 0; i < fifos_.size(); ++i) {
    s.position.push_back(fifos_[i].words());
    fifos_[i].each_time(keep);
    if (!options_.occupancy) continue;
    s.unsettled.emplace_back();
    fifos_[i].append_unsettled(s.clocks[i], s.unsettled.back());
    s.cycles_at.push_back(fifos_[i].cycles_at());
  }
  return s;
}

/// Every time is by equally many cycles behind that of then.
bool TimedChain::repeats(const Snapshot& now, const Snapshot& then) {
  if (then.image == 0 || now.position != then.position || now.unsettled != then.unsettled) {
    return false;
  }
  const int64_t cycles = now.clocks.front() - then.clocks.front();
  return std::equal(now.times.begin(), now.times.end(), then.times.begin(),
                    [&](int64_t a, int64_t b) { return a - b == cycles; });
}

/// Every time moved on by as many cycles as in the image before.
bool TimedChain::moves_on_alike(const Snapshot& now) const {
  if (before_last_.image == 0 || now.position != last_.position ||
      now.position != before_last_.position) {
    return false;
  }
  for (size_t i = 0; i < now.times.size(); ++i) {
    if (now.times[i] - last_.times[i] != last_.times[i] - before_last_.times[i]) return false;
  }
  return true;
}

// Longer periods are found by Brent's cycle detection: one old state is kept, each time twice as
// long.
void TimedChain::look_for_period(ChainRecords* records) {
  int64_t alike = Margins::forever;
  for (Margins& margins : margins_) alike = std::min(alike, margins.end_image());
  Snapshot now = snapshot();
  // No part may see the end of the run: the reader is furthest ahead.
  const int64_t images = simulated_ - 1 - parts_.front().image();
  for (const Snapshot* then : {&last_, &old_}) {
    if (!repeats(now, *then)) continue;
    const int64_t period = now.image - then->image;
    if (steady_.images == 0) {
      steady_ = {static_cast<int64_t>(arrivals_.size()), period,
                 now.clocks.front() - then->clocks.front()};
    }
    if (images / period < 1) return;
    if (records != nullptr) repeat(*records, now, *then, images / period);
    return skip(now, Snapshot(*then), images / period, true);
  }
  // A record repeats its last period as it was.
  const int64_t periods = std::min(alike, images);
  if (records == nullptr && images > 0 && moves_on_alike(now)) {
    if (margins_.empty())
      watch_choices();
    else if (periods > 0)
      return skip(now, Snapshot(last_), periods, false);
  }
  if (old_.image == 0 || now.image - old_.image >= patience_) {
    patience_ *= 2;
    old_ = now;
  }
  before_last_ = std::move(last_);
  last_ = std::move(now);
}

void TimedChain::skip(const Snapshot& now, const Snapshot& then, int64_t periods, bool steady) {
  const int64_t images = now.image - then.image;
  size_t next = 0;
  const auto move = [&](int64_t& time) {
    time += periods * (now.times[next] - then.times[next]);
    ++next;
  };
  for (size_t i = 0; i < parts_.size(); ++i) {
    const int64_t blocked = now.blocked[i] - then.blocked[i];
    // In each period by as many cycles more than in the one before.
    const int64_t more = steady ? 0 : blocked - (then.blocked[i] - before_last_.blocked[i]);
    parts_[i].skip(periods * images * programs_[i].cycles_per_image(),
                   periods * blocked + more * (periods * (periods + 1) / 2));
    parts_[i].each_time(move);
  }
  for (size_t i = 0; i < fifos_.size(); ++i) {
    const int64_t words = periods * images * chain_.streams[i].words_per_image;
    const int64_t cycles = now.clocks[i] - then.clocks[i];
    if (!options_.occupancy) {
      fifos_[i].each_time(move);
      fifos_[i].skip(words);
      continue;
    }
    next += static_cast<size_t>(fifos_[i].depth());
    if (!steady && !(fifos_[i].moved_by(cycles) && now.unsettled[i] == then.unsettled[i])) {
      fifos_[i].replay(periods);
      continue;
    }
    std::vector<int64_t> counted = now.cycles_at[i];
    for (size_t n = 0; n < counted.size(); ++n) {
      counted[n] = periods * (counted[n] - then.cycles_at[i][n]);
    }
    fifos_[i].skip(words, periods * cycles, counted);
  }
  const auto at = [&](int64_t image) {
    return arrivals_[arrivals_.size() - static_cast<size_t>(image)];
  };
  const int64_t cycles = at(1) - at(1 + images);
  for (int64_t n = periods * images; n > 0; --n) arrivals_.push_back(at(images) + cycles);
  simulated_ -= periods * images;
  last_ = before_last_ = old_ = {};
  patience_ = 1;
}

void TimedChain::repeat(ChainRecords& records, const Snapshot& now, const Snapshot& then,
                        int64_t periods) const {
  const int64_t images = now.image - then.image;
  const int64_t cycles = now.clocks.front() - then.clocks.front();
  for (size_t i = 0; i < fifos_.size(); ++i) {
    const TimedFifo& fifo = fifos_[i];
    const int64_t words = images * chain_.streams[i].words_per_image;
    const int64_t seen = fifo.pushed() + fifo.skipped(), read = fifo.popped() + fifo.skipped();
    records.pushes[i].repeat(seen, fifo.last_push() + 1, words, cycles, periods);
    records.pops[i].repeat(read, fifo.last_pop() + 1, words, cycles, periods);
  }
  for (size_t i = 0; i < parts_.size(); ++i) {
    const int64_t steps = images * programs_[i].cycles_per_image();
    records.steps[i].repeat(parts_[i].busy(), parts_[i].cycles(), steps, cycles, periods);
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
