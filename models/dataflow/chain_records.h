// What happened in a run of a chain: steps of parts and words of streams, and what those after a
// stream need to know of it.
#pragma once

#include <memory>
#include <vector>

#include "models/dataflow/chain.h"
#include "models/dataflow/chain_snapshot.h"
#include "models/dataflow/part_program.h"
#include "models/dataflow/step_record.h"
#include "models/dataflow/stream_history.h"

namespace stuckat::dataflow {

/// Records of a run: [stage] steps, and of MVUs in RTL exits of results; [stream] pushes and pops.
struct ChainRecords {
  std::vector<StepRecord> steps, exits, pushes, pops;
  std::vector<int64_t> counts;  ///< [stage] steps of the run, bubbles of drains among them

  void record(TimedParts& parts, std::vector<TimedFifo>& fifos);
  /// What happened from `then` to `now` happens `periods` times again.
  void repeat(const Chain& chain, const std::vector<PartProgram>& programs, const TimedParts& parts,
              const std::vector<TimedFifo>& fifos, const Snapshot& now, const Snapshot& then,
              int64_t periods);
};

/// Of a run of a chain: [stream] what came before it, null where a word had to wait for room.
using ChainHistories = std::vector<std::shared_ptr<StreamHistory>>;

void record(ChainHistories& histories, std::vector<TimedFifo>& fifos);
void repeat(ChainHistories& histories, const Chain& chain, const std::vector<TimedFifo>& fifos,
            const Snapshot& now, const Snapshot& then, int64_t periods);
/// The state after an image, beside those after all images before. States of the parts before each
/// stream are numbered by the first image that ends in them.
void note_state(ChainHistories& histories, const Chain& chain, const Snapshot& now,
                const std::vector<Snapshot>& states, const TimedParts& parts,
                std::vector<TimedFifo>& fifos);

}  // namespace stuckat::dataflow
