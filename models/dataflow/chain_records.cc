#include "models/dataflow/chain_records.h"

#include <algorithm>

namespace stuckat::dataflow {

void ChainRecords::record(TimedParts& parts, std::vector<TimedFifo>& fifos) {
  steps.resize(parts.size());
  exits.resize(parts.size());
  pushes.resize(fifos.size());
  pops.resize(fifos.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i]->record(&steps[i]);
    parts[i]->record_exits(&exits[i]);
  }
  for (size_t i = 0; i < fifos.size(); ++i) fifos[i].record(&pushes[i], &pops[i]);
}

void ChainRecords::repeat(const Chain& chain, const std::vector<PartProgram>& programs,
                          const TimedParts& parts, const std::vector<TimedFifo>& fifos,
                          const Snapshot& now, const Snapshot& then, int64_t periods) {
  const int64_t images = now.image - then.image;
  const int64_t cycles = now.clocks.front() - then.clocks.front();
  for (size_t i = 0; i < fifos.size(); ++i) {
    const TimedFifo& fifo = fifos[i];
    const int64_t words = images * chain.streams[i].words_per_image;
    const int64_t seen = fifo.pushed() + fifo.skipped(), read = fifo.popped() + fifo.skipped();
    pushes[i].repeat(seen, fifo.last_push() + 1, words, cycles, periods);
    pops[i].repeat(read, fifo.last_pop() + 1, words, cycles, periods);
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    const int64_t count = images * counted_steps_per_image(programs[i]);
    steps[i].repeat(parts[i]->steps(), parts[i]->next_step_cycle(), count, cycles, periods);
    if (!std::holds_alternative<RtlMvuShape>(programs[i])) continue;
    // One for each word that it writes; after the last word are none.
    const int64_t words = images * words_written_per_image(programs[i]);
    const TimedFifo& out = fifos[static_cast<size_t>(chain.stages[i].outputs.front())];
    exits[i].repeat(out.pushed() + out.skipped(), out.last_push() + 1, words, cycles, periods);
  }
}

void record(ChainHistories& histories, std::vector<TimedFifo>& fifos) {
  histories.clear();
  for (TimedFifo& fifo : fifos) {
    histories.push_back(std::make_shared<StreamHistory>());
    fifo.record(&histories.back()->pushes, nullptr);
  }
}

void repeat(ChainHistories& histories, const Chain& chain, const std::vector<TimedFifo>& fifos,
            const Snapshot& now, const Snapshot& then, int64_t periods) {
  const int64_t images = now.image - then.image;
  const int64_t cycles = now.clocks.front() - then.clocks.front();
  for (size_t i = 0; i < fifos.size(); ++i) {
    if (histories[i] == nullptr) continue;
    const int64_t words = images * chain.streams[i].words_per_image;
    histories[i]->pushes.repeat(fifos[i].pushed() + fifos[i].skipped(), fifos[i].last_push() + 1,
                                words, cycles, periods);
    auto& ends = histories[i]->images;
    for (int64_t n = periods * images; n > 0; --n) {
      const auto before = ends[ends.size() - static_cast<size_t>(images)];
      ends.push_back({before.words + words, before.clock + cycles, before.state});
    }
  }
}

void note_state(ChainHistories& histories, const Chain& chain, const Snapshot& now,
                const std::vector<Snapshot>& states, const TimedParts& parts,
                std::vector<TimedFifo>& fifos) {
  size_t known = 0;
  const auto note_until = [&](size_t stages, size_t state) {
    for (; known < std::min(stages, fifos.size()); ++known) {
      if (histories[known] == nullptr) continue;
      if (parts[known]->waited()) {
        fifos[known].record(nullptr, nullptr);
        histories[known] = nullptr;
        continue;
      }
      histories[known]->images.push_back({fifos[known].pushed() + fifos[known].skipped(),
                                          now.clocks[known], static_cast<int64_t>(state)});
    }
  };
  for (size_t state = 0; state < states.size() && known < fifos.size(); ++state) {
    note_until(repeated_stages(chain, now, states[state]), state);
  }
  note_until(fifos.size(), states.size());
}

}  // namespace stuckat::dataflow
