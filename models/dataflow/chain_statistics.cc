#include "models/dataflow/chain_statistics.h"

#include <algorithm>

namespace stuckat::dataflow {

DataflowTiming statistics(const Chain& chain, int64_t images, const TimedParts& parts,
                          std::vector<TimedFifo>& fifos, const std::vector<int64_t>& arrivals,
                          bool occupancy) {
  DataflowTiming r;
  r.arrival_cycles = arrivals;
  r.first_image_cycles = arrivals.front();
  // Rows that no window covers may still be read when the last result is out.
  r.total_cycles = arrivals.back();
  for (const auto& part : parts) r.total_cycles = std::max(r.total_cycles, part->cycles());

  for (size_t i = 0; i < parts.size(); ++i) {
    ModuleStatistics m;
    m.name = chain.stages[i].name;
    m.busy_cycles = parts[i]->busy();
    // A part that reads ahead works while it is blocked.
    m.blocked_cycles = std::min(parts[i]->blocked(), parts[i]->cycles() - m.busy_cycles);
    m.starved_cycles = parts[i]->cycles() - m.busy_cycles - m.blocked_cycles;
    m.idle_cycles = r.total_cycles - m.total_cycles();
    r.modules.push_back(m);
  }
  const auto busiest =
      std::max_element(r.modules.begin(), r.modules.end(),
                       [](const auto& a, const auto& b) { return a.busy_cycles < b.busy_cycles; });
  r.bottleneck = busiest->name;
  for (size_t i = 0; i < fifos.size(); ++i) {
    const StreamSpec& stream = chain.streams[i];
    StreamStatistics s{stream.name, stream.depth, images * stream.words_per_image, 0};
    if (occupancy) {
      fifos[i].settle_until(r.total_cycles);
      s.high_water = fifos[i].high_water();
      s.cycles_at = fifos[i].cycles_at();
      s.cycles_at.resize(static_cast<size_t>(s.high_water) + 1);
    }
    r.streams.push_back(std::move(s));
  }
  return r;
}

}  // namespace stuckat::dataflow
