#include "models/dataflow/timed_chain.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <set>

#include "models/dataflow/chain_statistics.h"
#include "models/dataflow/played_part.h"
#include "workloads/errors.h"

namespace stuckat::dataflow {

TimedChain::TimedChain(const Network& network, const DataflowAccelerator& accelerator,
                       int64_t images, const TimingOptions& options)
    : TimedChain(all_parts(network, accelerator, images, options), images, options, nullptr) {}

TimedChain::TimedChain(const Network& network, const DataflowAccelerator& accelerator,
                       int64_t images, const TimingOptions& options, size_t stream,
                       const StreamHistory& before)
    : TimedChain(parts_behind(stream, all_parts(network, accelerator, images, options)), images,
                 options, &before) {}

TimedChain::Parts TimedChain::all_parts(const Network& network,
                                        const DataflowAccelerator& accelerator, int64_t images,
                                        const TimingOptions& options) {
  validate(accelerator, network);
  if (images < 1) {
    throw InputError("dataflow:" + accelerator.name, std::to_string(images) + " images",
                     "at least one");
  }
  Chain chain = build_chain(accelerator, network);
  auto programs = part_programs(chain, accelerator, network);
  std::get<LoopProgram>(programs.front()).blocks.front().phases.front().skip =
      options.input_interval - 1;
  std::vector<Turns> turns;
  for (size_t i = 0; i < chain.stages.size(); ++i) {
    turns.emplace_back();
    if (chain.stages[i].kind != StageKind::concat) continue;
    for (const int tensor : network.layer(chain.stages[i].layer).inputs) {
      turns.back().push_back(network.shape(tensor).channels / chain.out(i).lanes);
    }
  }
  return {std::move(chain), std::move(programs), std::move(turns), "dataflow:" + accelerator.name};
}

TimedChain::Parts TimedChain::parts_behind(size_t stream, Parts all) {
  const auto first = static_cast<std::ptrdiff_t>(stream);
  const auto erase = [&](auto& before) { before.erase(before.begin(), before.begin() + first); };
  erase(all.chain.stages);
  erase(all.chain.streams);
  erase(all.programs);
  erase(all.turns);
  const auto shift = static_cast<int>(stream);
  for (StageSpec& stage : all.chain.stages) {
    for (int& in : stage.inputs) in -= shift;
    for (int& out : stage.outputs) out -= shift;
  }
  all.chain.stages.front().inputs.clear();
  for (StreamSpec& left : all.chain.streams) {
    left.from -= shift;
    left.to -= shift;
  }
  all.programs.front() = LoopProgram{
      {{1, {Phase{.steps = all.chain.streams.front().words_per_image, .writes = true}}}}};
  return all;
}

TimedChain::TimedChain(Parts parts, int64_t images, const TimingOptions& options,
                       const StreamHistory* before)
    : chain_(std::move(parts.chain)),
      programs_(std::move(parts.programs)),
      where_(std::move(parts.where)),
      line_(chain_.is_line()),
      statuses_(chain_.stages.size(), StepStatus::needs_input),
      plays_(before != nullptr),
      options_(options),
      images_(images),
      simulated_(images) {
  for (const StreamSpec& stream : chain_.streams) fifos_.emplace_back(stream.depth);
  for (size_t i = 0; i < chain_.stages.size(); ++i) {
    std::vector<TimedFifo*> ins, outs;
    for (const int in : chain_.stages[i].inputs) ins.push_back(&fifos_[static_cast<size_t>(in)]);
    for (const int out : chain_.stages[i].outputs) {
      outs.push_back(&fifos_[static_cast<size_t>(out)]);
    }
    TimedFifo* const in = ins.empty() ? nullptr : ins.front();
    TimedFifo* const out = outs.empty() ? nullptr : outs.front();
    const int64_t* const admitted = i > 0 ? &simulated_ : &admitted_;
    if (i == 0 && plays_) {
      parts_.push_back(std::make_unique<PlayedPart>(*before, chain_.streams.front().words_per_image,
                                                    out, &simulated_, admitted));
    } else if (is_junction(chain_.stages[i].kind)) {
      parts_.push_back(timed_junction(std::get<LoopProgram>(programs_[i]), std::move(ins),
                                      std::move(outs), std::move(parts.turns[i]), &simulated_,
                                      admitted));
    } else {
      parts_.push_back(timed_part(programs_[i], in, out, &simulated_, admitted));
      // What one part sends for an image the next one takes: sim/kernel/README.md says why
      // a chain of them cannot deadlock.
      assert(in == nullptr || words_read_per_image(programs_[i]) == chain_.in(i).words_per_image);
      assert(out == nullptr ||
             words_written_per_image(programs_[i]) == chain_.out(i).words_per_image);
    }
  }
  parts_.back()->note_arrivals(&arrivals_);
}

/// From the end to the front, as far as all after a stream moves on at the pace of the results: if
/// the part before it does too, the stream is supposed to have been read so for long; if that part
/// gains on it, all up to it is moved so far ahead that the stream is full. False: nothing changed.
bool TimedChain::hurry(const Snapshot& now) {
  if (before_last_.image == 0 || !line_) return false;
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
      parts_[before]->each_time(move);
      if (before < i) fifos_[before].each_time(move);
    }
    return true;
  }
  return changed;
}

std::optional<SteadyState> TimedChain::find_rate() {
  if (!std::all_of(programs_.begin(), programs_.end(), is_max_plus)) return {};
  while (admitted_ < images_) {
    run_next_image();
    if (stuck()) explain_deadlock();
    Snapshot now = snapshot();
    for (const Snapshot* then : {&last_, &old_}) {
      if (repeated_stages(chain_, now, *then) < parts_.size()) continue;
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
    margins_[i].reserve(static_cast<size_t>(words_read_per_image(programs_[i]) +
                                            words_written_per_image(programs_[i])));
    parts_[i]->note_margins(&margins_[i]);
  }
  if (!options_.occupancy) return;
  for (size_t i = 0; i < fifos_.size(); ++i) fifos_[i].trace(chain_.streams[i].words_per_image);
}

StepStatus TimedChain::advance(size_t stage) {
  const StepStatus status = parts_[stage]->advance();
  if (options_.occupancy) {
    for (const int in : chain_.stages[stage].inputs) {
      fifos_[static_cast<size_t>(in)].settle_in_time();
    }
    for (const int out : chain_.stages[stage].outputs) {
      fifos_[static_cast<size_t>(out)].settle_in_time();
    }
  }
  return status;
}

/// Runs a part until it can go no further for lack of words before it, and those after it as far
/// as it asks for room.
void TimedChain::drive(size_t stage) {
  for (size_t at = stage;;) {
    const StepStatus status = advance(at);
    if (status == StepStatus::needs_output)
      ++at;
    else if (at == stage)
      return;
    else
      --at;  // it has made room for the one before it
  }
}

/// Runs a stage, then whichever has been given a word or room to go on, until none has.
void TimedChain::come_to_rest(size_t stage) {
  std::vector<size_t> woken = {stage};
  std::vector<int64_t> counts;
  while (!woken.empty()) {
    const size_t at = woken.back();
    woken.pop_back();
    const StageSpec& spec = chain_.stages[at];
    counts.clear();
    for (const int in : spec.inputs) counts.push_back(fifos_[static_cast<size_t>(in)].popped());
    for (const int out : spec.outputs) counts.push_back(fifos_[static_cast<size_t>(out)].words());
    statuses_[at] = advance(at);
    auto count = counts.begin();
    for (const int in : spec.inputs) {
      const auto i = static_cast<size_t>(in);
      const auto from = static_cast<size_t>(chain_.streams[i].from);
      const bool has_room = fifos_[i].popped() != *count++;
      if (has_room && statuses_[from] == StepStatus::needs_output) woken.push_back(from);
    }
    for (const int out : spec.outputs) {
      const auto i = static_cast<size_t>(out);
      const auto to = static_cast<size_t>(chain_.streams[i].to);
      const bool has_word = fifos_[i].words() != *count++;
      if (has_word && statuses_[to] == StepStatus::needs_input) woken.push_back(to);
    }
  }
}

/// Nothing will move again, whatever images follow.
bool TimedChain::stuck() const {
  if (line_) return false;
  if (statuses_.front() == StepStatus::needs_output) return true;
  return admitted_ == simulated_ &&
         std::any_of(statuses_.begin(), statuses_.end(),
                     [](StepStatus status) { return status != StepStatus::done; });
}

// Who waits for room waits for one who waits for room, up to one who waits for a word of another
// branch.
std::optional<TimedChain::Blocked> TimedChain::blocked() const {
  const auto full_after = [&](size_t stage) {
    const auto& outs = chain_.stages[stage].outputs;
    return std::find_if(outs.begin(), outs.end(),
                        [&](int out) { return fifos_[static_cast<size_t>(out)].slots() == 0; });
  };
  for (size_t stage = 0; stage < statuses_.size(); ++stage) {
    if (statuses_[stage] != StepStatus::needs_output) continue;
    int full = -1;
    size_t at = stage;
    while (statuses_[at] == StepStatus::needs_output) {
      full = *full_after(at);
      at = static_cast<size_t>(chain_.streams[static_cast<size_t>(full)].to);
    }
    return Blocked{full, at};
  }
  return {};
}

// Whenever nothing moves the full stream gets one slot more, and the run goes on: bounded
// scheduling of process networks (T. M. Parks, "Bounded Scheduling of Process Networks", PhD
// thesis, Berkeley 1995, section 4.2), but of all full streams that before the join. Words do not
// depend on depths, so that the run that follows is that of a design with these depths.
void TimedChain::explain_deadlock() {
  constexpr int most_words = 1 << 20;
  constexpr int64_t more_images = 16;
  options_.occupancy = false;
  std::string text = "deadlock";
  std::set<int> deepened;
  const int64_t until = std::min(simulated_, admitted_ + more_images);
  while (stuck() || admitted_ < until) {
    if (!stuck()) {
      run_next_image();
      continue;
    }
    const auto here = blocked();
    if (!here) throw Deadlock(where_, text + ": no depth would do");
    const auto full = static_cast<size_t>(here->full);
    if (deepened.empty()) {
      text += ": " + chain_.streams[full].name + " is full (depth " +
              std::to_string(fifos_[full].depth()) + ")";
      for (const int in : chain_.stages[here->reader].inputs) {
        if (fifos_[static_cast<size_t>(in)].words() > 0) continue;
        text += " while " + chain_.stages[here->reader].name + " waits for " +
                chain_.streams[static_cast<size_t>(in)].name + ", the longer branch";
        break;
      }
    }
    if (fifos_[full].depth() >= most_words) throw Deadlock(where_, text + ": no depth would do");
    fifos_[full].deepen();
    deepened.insert(here->full);
    come_to_rest(static_cast<size_t>(chain_.streams[full].from));
  }
  std::string depths;
  for (const int stream : deepened) {
    const auto i = static_cast<size_t>(stream);
    depths += (depths.empty() ? "" : " and ") + std::to_string(fifos_[i].depth()) + " of " +
              chain_.streams[i].name;
  }
  throw Deadlock(where_, text + ": a depth of " + depths + " would do");
}

// The reader takes one image, then all others go as far as they can: by the determinism of process
// networks that is one and the same state whatever the order, so states of different images
// compare. And what lies before a stream is in a state that knows nothing of what comes after it,
// but for the times at which words must wait for room.
void TimedChain::run_next_image() {
  ++admitted_;
  if (!line_) return come_to_rest(0);
  for (size_t stage = 0; stage < parts_.size(); ++stage) drive(stage);
}

// Longer periods are found by Brent's cycle detection: one old state is kept, each time twice as
// long.
void TimedChain::look_for_period(Snapshot now, ChainRecords* records, ChainHistories* histories) {
  int64_t alike = Margins::forever;
  for (Margins& margins : margins_) alike = std::min(alike, margins.end_image());
  // No part may see the end of the run.
  const int64_t images = simulated_ - 1 - admitted_;
  for (const Snapshot* then : {&last_, &old_}) {
    if (repeated_stages(chain_, now, *then) < parts_.size()) continue;
    const int64_t period = now.image - then->image;
    if (steady_.images == 0) {
      steady_ = {static_cast<int64_t>(arrivals_.size()) + 1, period,
                 now.clocks.front() - then->clocks.front()};
    }
    if (images / period < 1) return;
    const int64_t periods = images / period;
    if (records != nullptr) {
      records->repeat(chain_, programs_, parts_, fifos_, now, *then, periods);
    }
    if (histories != nullptr) repeat(*histories, chain_, fifos_, now, *then, periods);
    return skip(now, Snapshot(*then), periods, true);
  }
  // A record repeats its last period as it was. What an image adds to the arrivals, two show.
  const int64_t periods = std::min(alike, images);
  if (records == nullptr && histories == nullptr && images > 0 && arrivals_.size() > 1 &&
      moves_on_alike(now, last_, before_last_)) {
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

void TimedChain::skip_stream(size_t i, const Snapshot& now, const Snapshot& then, int64_t periods,
                             bool steady, const std::function<void(int64_t&)>& move) {
  const int64_t words = periods * (now.image - then.image) * chain_.streams[i].words_per_image;
  const auto from = static_cast<size_t>(chain_.streams[i].from);
  const int64_t cycles = now.clocks[from] - then.clocks[from];
  if (!options_.occupancy) {
    fifos_[i].each_time(move);
    fifos_[i].skip(words);
    return;
  }
  int64_t unmoved = 0;
  fifos_[i].each_time([&](int64_t& time) {
    unmoved = time;
    move(unmoved);
  });
  if (!steady && !(fifos_[i].moved_by(cycles) && now.unsettled[i] == then.unsettled[i])) {
    fifos_[i].replay(periods);
    return;
  }
  std::vector<int64_t> counted = now.cycles_at[i];
  for (size_t n = 0; n < counted.size(); ++n) {
    counted[n] = periods * (counted[n] - then.cycles_at[i][n]);
  }
  fifos_[i].skip(words, periods * cycles, counted);
}

void TimedChain::skip(const Snapshot& now, const Snapshot& then, int64_t periods, bool steady) {
  const int64_t images = now.image - then.image;
  size_t next = 0;
  const int64_t shift = now.clocks.front() - then.clocks.front();
  const auto move = [&](int64_t& time) {
    time += periods * (steady ? shift : now.times[next] - then.times[next]);
    ++next;
  };
  for (size_t i = 0; i < parts_.size(); ++i) {
    for (const int in : chain_.stages[i].inputs) {
      skip_stream(static_cast<size_t>(in), now, then, periods, steady, move);
    }
    const int64_t blocked = now.blocked[i] - then.blocked[i];
    // In each period by as many cycles more than in the one before.
    const int64_t more = steady ? 0 : blocked - (then.blocked[i] - before_last_.blocked[i]);
    parts_[i]->skip(periods * images, periods * images * counted_steps_per_image(programs_[i]),
                    periods * blocked + more * (periods * (periods + 1) / 2));
    parts_[i]->each_time(move);
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

bool TimedChain::run_images(ChainRecords* records, ChainHistories* histories) {
  if (histories != nullptr) record(*histories, fifos_);
  while (admitted_ < simulated_) {
    run_next_image();
    if (stuck()) explain_deadlock();
    if (plays_ && parts_.front()->waited()) return false;
    first_is_of_many_ = first_is_of_many_ || (!arrivals_.empty() && admitted_ < simulated_);
    const bool look = options_.skip_periods && admitted_ < simulated_;
    if (!look && histories == nullptr) continue;
    Snapshot now = snapshot();
    if (histories != nullptr) {
      note_state(*histories, chain_, now, states_, parts_, fifos_);
      states_.push_back(now);
    }
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
  if (records != nullptr) records->record(parts_, fifos_);
  run_images(records, histories);
  for (const auto& part : parts_) {
    if (records != nullptr) records->counts.push_back(part->steps());
  }
  return result();
}

DataflowTiming TimedChain::result() {
  DataflowTiming r = statistics(chain_, images_, parts_, fifos_, arrivals_, options_.occupancy);
  r.steady = steady_;
  r.images_simulated = simulated_;
  r.first_is_of_many = first_is_of_many_;
  return r;
}

}  // namespace stuckat::dataflow
