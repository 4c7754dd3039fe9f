// Where the parts and FIFOs of a chain are when it can go no further without a further image, and
// how two such states compare.
#pragma once

#include <cstdint>
#include <vector>

#include "models/dataflow/chain.h"
#include "models/dataflow/timed_fifo.h"
#include "models/dataflow/timed_part.h"

namespace stuckat::dataflow {

/// All streams are empty then: who waited for room would wait for one who waits for room, up to the
/// last.
struct Snapshot {
  int64_t image = 0;                             // 0: none
  std::vector<int64_t> position;                 // where everything is, but for times
  std::vector<int64_t> times;                    // those on which later ones depend
  std::vector<int64_t> deciding;                 // the same, as far as they can matter
  std::vector<size_t> position_ends, time_ends;  // [stage] in these, with the streams before it
  std::vector<int64_t> clocks, blocked;          // [stage]
  std::vector<std::vector<int64_t>> unsettled;   // [stream], relative to the stage before
  std::vector<std::vector<int64_t>> cycles_at;   // [stream][occupancy]
};

/// After image number `image`; with what streams still have to count if `occupancy`.
Snapshot take_snapshot(int64_t image, const Chain& chain, const TimedParts& parts,
                       std::vector<TimedFifo>& fifos, bool occupancy);

/// How many of the first stages, and streams between them, are as then, but for the time.
size_t repeated_stages(const Chain& chain, const Snapshot& now, const Snapshot& then);

/// Every time moved on by as many cycles as in the image before.
bool moves_on_alike(const Snapshot& now, const Snapshot& last, const Snapshot& before_last);

}  // namespace stuckat::dataflow
