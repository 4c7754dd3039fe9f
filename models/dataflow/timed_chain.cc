#include "models/dataflow/timed_chain.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "workloads/errors.h"

namespace stuckat::dataflow {

TimedChain::TimedChain(const Network& network, const DataflowAccelerator& accelerator,
                       int64_t images, const TimingOptions& options)
    : TimedChain(all_parts(network, accelerator, images), images, options) {}

TimedChain::Parts TimedChain::all_parts(const Network& network,
                                        const DataflowAccelerator& accelerator, int64_t images) {
  validate(accelerator, network);
  if (images < 1) {
    throw InputError("dataflow:" + accelerator.name, std::to_string(images) + " images",
                     "at least one");
  }
  Chain chain = build_chain(accelerator, network);
  auto programs = loop_programs(chain, accelerator, network);
  return {std::move(chain), std::move(programs)};
}

TimedChain::Parts TimedChain::parts_behind(size_t stream, Parts all) {
  const auto first = static_cast<std::ptrdiff_t>(stream);
  const auto erase = [&](auto& before) { before.erase(before.begin(), before.begin() + first); };
  erase(all.chain.stages);
  erase(all.chain.streams);
  erase(all.programs);
  all.programs.front() = {
      {{1, {Run{.steps = all.chain.streams.front().words_per_image, .writes = true}}}}};
  return all;
}

TimedChain::TimedChain(Parts parts, int64_t images, const TimingOptions& options)
    : chain_(std::move(parts.chain)),
      programs_(std::move(parts.programs)),
      options_(options),
      images_(images),
      simulated_(images) {
  for (const StreamSpec& stream : chain_.streams) fifos_.emplace_back(stream.depth);
  parts_.reserve(chain_.stages.size());
  const size_t last = chain_.stages.size() - 1;
  for (size_t i = 0; i <= last; ++i) {
    parts_.emplace_back(programs_[i], i > 0 ? &fifos_[i - 1] : nullptr,
                        i < last ? &fifos_[i] : nullptr, &simulated_,
                        i > 0 ? &simulated_ : &admitted_);
    // What one part sends for an image the next one takes: sim/kernel/README.md says why
    // a chain of them cannot deadlock.
    assert(i == 0 ||
           (programs_[i - 1].words_written_per_image() == chain_.streams[i - 1].words_per_image &&
            programs_[i].words_read_per_image() == chain_.streams[i - 1].words_per_image));
  }
  parts_.back().note_arrivals(&arrivals_);
}

TimedChain::TimedChain(const Network& network, const DataflowAccelerator& accelerator,
                       int64_t images, const TimingOptions& options, size_t stream,
                       const StreamHistory& before)
    : TimedChain(parts_behind(stream, all_parts(network, accelerator, images)), images, options) {
  parts_.front().play(&before);
}

/// From the end to the front, as far as all behind a stream moves on at the pace of the results: if
/// the part before it does too, the stream is supposed to have been read so for long; if that part
/// gains on it, all up to it is moved so far ahead that the stream is full. False: nothing changed.
bool TimedChain::hurry(const Snapshot& now) {
  if (before_last_.image == 0) return false;
  const auto moved = [&](const Snapshot& to, const Snapshot& from, size_t stage) {
    return to.clocks[stage] - from.clocks[stage];
  };
  const size_t last = parts_.size() - 1;
  const int64_t interval = moved(now, last_, last);
  if (moved(last_, before_last_, last) != interval) return false;
  bool changed = false;
  for (size_t i = last; i-- > 0;) {
    const int64_t own = moved(now, last_, i);
    if (moved(last_, before_last_, i) != own || own > interval) break;
    const int64_t words = chain_.streams[i].words_per_image;
    changed |= fifos_[i].suppose_repeated(words, interval);
    if (own == interval) continue;
    const int64_t ahead = (2 + fifos_[i].depth() / words) * interval;
    for (size_t before = 0; before <= i; ++before) {
      const auto move = [&](int64_t& time) { time -= ahead; };
      parts_[before].each_time(move);
      if (before < i) fifos_[before].each_time(move);
    }
    return true;
  }
  return changed;
}

std::optional<SteadyState> TimedChain::find_rate() {
  while (admitted_ < images_) {
    run_next_image();
    Snapshot now = snapshot();
    for (const Snapshot* then : {&last_, &old_}) {
      if (!repeats(now, *then)) continue;
      return SteadyState{now.image, now.image - then->image,
                         now.clocks.front() - then->clocks.front()};
    }
    if (hurry(now)) {
      before_last_ = {};
      last_ = old_ = snapshot();
      continue;
    }
    before_last_ = std::move(last_);
    last_ = std::move(now);
    if (std::has_single_bit(static_cast<uint64_t>(last_.image))) old_ = last_;  // Brent
  }
  return {};
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

/// Runs a part until it can go no further for lack of words before it, and those behind it as far
/// as it asks for room.
void TimedChain::drive(size_t stage) {
  for (size_t at = stage;;) {
    const Progress progress = advance(at);
    if (progress == Progress::needs_output)
      ++at;
    else if (at == stage)
      return;
    else
      --at;  // it has made room for the one before it
  }
}

// The reader takes one image, then all others go as far as they can: by the determinism of process
// networks that is one and the same state whatever the order, so states of different images
// compare. And what lies before a stream is in a state that knows nothing of what lies behind it,
// but for the times at which words must wait for room.
void TimedChain::run_next_image() {
  ++admitted_;
  for (size_t stage = 0; stage < parts_.size(); ++stage) drive(stage);
}

TimedChain::Snapshot TimedChain::snapshot() {
  Snapshot s;
  s.image = admitted_;
  const auto keep = [&](int64_t time) { s.times.push_back(time); };
  const auto keep_deciding = [&](int64_t time) { s.deciding.push_back(time); };
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (i > 0) {
      fifos_[i - 1].each_time(keep);
      fifos_[i - 1].each_deciding_time(keep_deciding);
    }
    parts_[i].append_position(admitted_, s.position);
    parts_[i].each_time(keep);
    parts_[i].each_time(keep_deciding);
    s.position_ends.push_back(s.position.size());
    s.time_ends.push_back(s.times.size());
    s.clocks.push_back(parts_[i].cycles());
    s.blocked.push_back(parts_[i].blocked());
  }
  for (size_t i = 0; options_.occupancy && i < fifos_.size(); ++i) {
    assert(fifos_[i].words() == 0);
    s.unsettled.emplace_back();
    fifos_[i].append_unsettled(s.clocks[i], s.unsettled.back());
    s.cycles_at.push_back(fifos_[i].cycles_at());
  }
  return s;
}

size_t TimedChain::repeated(const Snapshot& now, const Snapshot& then) {
  if (then.image == 0) return 0;
  const int64_t cycles = now.clocks.front() - then.clocks.front();
  size_t position = 0, time = 0;
  for (size_t stage = 0; stage < now.clocks.size(); ++stage) {
    const size_t positions = now.position_ends[stage], times = now.time_ends[stage];
    if (then.position_ends[stage] != positions || then.time_ends[stage] != times) return stage;
    if (stage > 0 && !now.unsettled.empty() &&
        now.unsettled[stage - 1] != then.unsettled[stage - 1]) {
      return stage;
    }
    for (; position < positions; ++position) {
      if (now.position[position] != then.position[position]) return stage;
    }
    for (; time < times; ++time) {
      if (now.deciding[time] - then.deciding[time] != cycles) return stage;
    }
  }
  return now.clocks.size();
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
void TimedChain::look_for_period(Snapshot now, ChainRecords* records, ChainHistories* histories) {
  int64_t alike = Margins::forever;
  for (Margins& margins : margins_) alike = std::min(alike, margins.end_image());
  // No part may see the end of the run.
  const int64_t images = simulated_ - 1 - admitted_;
  for (const Snapshot* then : {&last_, &old_}) {
    if (!repeats(now, *then)) continue;
    const int64_t period = now.image - then->image;
    if (steady_.images == 0) {
      steady_ = {static_cast<int64_t>(arrivals_.size()) + 1, period,
                 now.clocks.front() - then->clocks.front()};
    }
    if (images / period < 1) return;
    if (records != nullptr) repeat(*records, now, *then, images / period);
    if (histories != nullptr) repeat(*histories, now, *then, images / period);
    return skip(now, Snapshot(*then), images / period, true);
  }
  // A record repeats its last period as it was. What an image adds to the arrivals, two show.
  const int64_t periods = std::min(alike, images);
  if (records == nullptr && histories == nullptr && images > 0 && arrivals_.size() > 1 &&
      moves_on_alike(now)) {
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
  const int64_t shift = now.clocks.front() - then.clocks.front();
  const auto move = [&](int64_t& time) {
    time += periods * (steady ? shift : now.times[next] - then.times[next]);
    ++next;
  };
  const auto skip_stream = [&](size_t i) {
    const int64_t words = periods * images * chain_.streams[i].words_per_image;
    const int64_t cycles = now.clocks[i] - then.clocks[i];
    if (!options_.occupancy) {
      fifos_[i].each_time(move);
      fifos_[i].skip(words);
      return;
    }
    next += static_cast<size_t>(fifos_[i].depth());
    if (!steady && !(fifos_[i].moved_by(cycles) && now.unsettled[i] == then.unsettled[i])) {
      fifos_[i].replay(periods);
      return;
    }
    std::vector<int64_t> counted = now.cycles_at[i];
    for (size_t n = 0; n < counted.size(); ++n) {
      counted[n] = periods * (counted[n] - then.cycles_at[i][n]);
    }
    fifos_[i].skip(words, periods * cycles, counted);
  };
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (i > 0) skip_stream(i - 1);
    const int64_t blocked = now.blocked[i] - then.blocked[i];
    // In each period by as many cycles more than in the one before.
    const int64_t more = steady ? 0 : blocked - (then.blocked[i] - before_last_.blocked[i]);
    parts_[i].skip(periods * images * programs_[i].cycles_per_image(),
                   periods * blocked + more * (periods * (periods + 1) / 2));
    parts_[i].each_time(move);
  }
  const auto at = [&](int64_t image) {
    return arrivals_[arrivals_.size() - static_cast<size_t>(image)];
  };
  // In a steady state everything moves on equally, before a second period has arrived too.
  const int64_t cycles = steady ? shift : at(1) - at(1 + images);
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

void TimedChain::repeat(ChainHistories& histories, const Snapshot& now, const Snapshot& then,
                        int64_t periods) const {
  const int64_t images = now.image - then.image;
  const int64_t cycles = now.clocks.front() - then.clocks.front();
  for (size_t i = 0; i < fifos_.size(); ++i) {
    if (histories[i] == nullptr) continue;
    const int64_t words = images * chain_.streams[i].words_per_image;
    histories[i]->pushes.repeat(fifos_[i].pushed() + fifos_[i].skipped(), fifos_[i].last_push() + 1,
                                words, cycles, periods);
    auto& ends = histories[i]->images;
    for (int64_t n = periods * images; n > 0; --n) {
      const auto before = ends[ends.size() - static_cast<size_t>(images)];
      ends.push_back({before.words + words, before.clock + cycles, before.state});
    }
  }
}

/// States of the parts before each stream are numbered by the first image that ends in them.
void TimedChain::note_states(const Snapshot& now, ChainHistories& histories) {
  size_t known = 0;
  const auto note_until = [&](size_t stages, size_t state) {
    for (; known < std::min(stages, fifos_.size()); ++known) {
      if (histories[known] == nullptr) continue;
      if (parts_[known].waited()) {
        fifos_[known].record(nullptr, nullptr);
        histories[known] = nullptr;
        continue;
      }
      histories[known]->images.push_back({fifos_[known].pushed() + fifos_[known].skipped(),
                                          now.clocks[known], static_cast<int64_t>(state)});
    }
  };
  for (size_t state = 0; state < states_.size() && known < fifos_.size(); ++state) {
    note_until(repeated(now, states_[state]), state);
  }
  note_until(fifos_.size(), states_.size());
  states_.push_back(now);
}

bool TimedChain::run_images(ChainRecords* records, ChainHistories* histories) {
  if (histories != nullptr) {
    histories->clear();
    for (TimedFifo& fifo : fifos_) {
      histories->push_back(std::make_shared<StreamHistory>());
      fifo.record(&histories->back()->pushes, nullptr);
    }
  }
  while (admitted_ < simulated_) {
    run_next_image();
    if (parts_.front().plays() && parts_.front().waited()) return false;
    first_is_of_many_ = first_is_of_many_ || (!arrivals_.empty() && admitted_ < simulated_);
    const bool look = options_.skip_periods && admitted_ < simulated_;
    if (!look && histories == nullptr) continue;
    Snapshot now = snapshot();
    if (histories != nullptr) note_states(now, *histories);
    if (look) look_for_period(std::move(now), records, histories);
  }
  return true;
}

std::optional<DataflowTiming> TimedChain::run_behind(ChainHistories& histories) {
  if (!run_images(nullptr, &histories)) return {};
  return result();
}

DataflowTiming TimedChain::run(ChainRecords* records, ChainHistories* histories) {
  assert(records == nullptr || histories == nullptr);
  if (records != nullptr) {
    records->steps.resize(parts_.size());
    records->pushes.resize(fifos_.size());
    records->pops.resize(fifos_.size());
    for (size_t i = 0; i < parts_.size(); ++i) parts_[i].record(&records->steps[i]);
    for (size_t i = 0; i < fifos_.size(); ++i) {
      fifos_[i].record(&records->pushes[i], &records->pops[i]);
    }
  }
  run_images(records, histories);
  return result();
}

DataflowTiming TimedChain::result() {
  DataflowTiming r;
  r.steady = steady_;
  r.images_simulated = simulated_;
  r.first_is_of_many = first_is_of_many_;
  r.arrival_cycles = arrivals_;
  r.first_image_cycles = arrivals_.front();
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
