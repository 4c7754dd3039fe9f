#include "models/dataflow/chain_snapshot.h"

namespace stuckat::dataflow {

Snapshot take_snapshot(int64_t image, const Chain& chain, const TimedParts& parts,
                       std::vector<TimedFifo>& fifos, bool occupancy) {
  Snapshot s;
  s.image = image;
  const auto keep = [&](int64_t time) { s.times.push_back(time); };
  const auto keep_deciding = [&](int64_t time) { s.deciding.push_back(time); };
  for (size_t i = 0; i < parts.size(); ++i) {
    for (const int stream : chain.stages[i].inputs) {
      TimedFifo& fifo = fifos[static_cast<size_t>(stream)];
      s.position.push_back(fifo.stored());
      fifo.each_time(keep);
      fifo.each_deciding_time(keep_deciding);
    }
    parts[i]->append_position(image, s.position);
    parts[i]->each_time(keep);
    parts[i]->each_time(keep_deciding);
    s.position_ends.push_back(s.position.size());
    s.time_ends.push_back(s.times.size());
    s.clocks.push_back(parts[i]->cycles());
    s.blocked.push_back(parts[i]->blocked());
  }
  for (size_t i = 0; occupancy && i < fifos.size(); ++i) {
    fifos[i].settle();
    s.unsettled.emplace_back();
    const auto from = static_cast<size_t>(chain.streams[i].from);
    fifos[i].append_unsettled(s.clocks[from], s.unsettled.back());
    s.cycles_at.push_back(fifos[i].cycles_at());
  }
  return s;
}

size_t repeated_stages(const Chain& chain, const Snapshot& now, const Snapshot& then) {
  if (then.image == 0) return 0;
  const int64_t cycles = now.clocks.front() - then.clocks.front();
  size_t position = 0, time = 0;
  for (size_t stage = 0; stage < now.clocks.size(); ++stage) {
    const size_t positions = now.position_ends[stage], times = now.time_ends[stage];
    if (then.position_ends[stage] != positions || then.time_ends[stage] != times) return stage;
    for (const int stream : chain.stages[stage].inputs) {
      const auto i = static_cast<size_t>(stream);
      if (!now.unsettled.empty() && now.unsettled[i] != then.unsettled[i]) return stage;
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

bool moves_on_alike(const Snapshot& now, const Snapshot& last, const Snapshot& before_last) {
  if (before_last.image == 0 || now.position != last.position ||
      now.position != before_last.position) {
    return false;
  }
  for (size_t i = 0; i < now.times.size(); ++i) {
    if (now.times[i] - last.times[i] != last.times[i] - before_last.times[i]) return false;
  }
  return true;
}

}  // namespace stuckat::dataflow
