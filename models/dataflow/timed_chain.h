// The timing-only engine: the parts of one accelerator and the FIFOs between them, run image by
// image until the state repeats.
#pragma once

#include <deque>
#include <vector>

#include "models/dataflow/timed_part.h"
#include "models/dataflow/timing.h"

namespace stuckat::dataflow {

/// Records of a run: [stage] steps, [stream] pushes and pops.
struct ChainRecords {
  std::vector<StepRecord> steps, pushes, pops;
};

class TimedChain {
 public:
  TimedChain(const Network& network, const DataflowAccelerator& accelerator, int64_t images,
             const TimingOptions& options);

  /// Once. Everything is recorded if `records` is given.
  DataflowTiming run(ChainRecords* records = nullptr);

  const Chain& chain() const { return chain_; }
  const std::vector<LoopProgram>& programs() const { return programs_; }

 private:
  /// The end of an image: the state that the future depends on, and counters that only grow.
  struct Snapshot {
    int64_t image = 0;  // images that have arrived
    int64_t cycle = 0;  // of the last arrival
    std::vector<int64_t> state;
    std::vector<int64_t> blocked;                 // [stage]
    std::vector<std::vector<int64_t>> cycles_at;  // [stream][occupancy]
  };

  void run_next_image();
  Progress advance(size_t stage);
  Snapshot snapshot() const;
  void look_for_period(ChainRecords* records);
  void repeat_period(ChainRecords& records) const;
  DataflowTiming result();

  Chain chain_;
  std::vector<LoopProgram> programs_;
  std::deque<TimedFifo> fifos_;
  std::deque<TimedPart> parts_;
  TimingOptions options_;
  int64_t images_;
  int64_t simulated_;              // what the parts see: images_ less the skipped ones
  int64_t admitted_ = 0;           // what the writer sees: images that it may take
  std::vector<int64_t> arrivals_;  // [admitted_]

  // States of the images first_ and last_ are equal: `times_` such periods are skipped behind
  // last_. Everything that is simulated behind it happens so many periods later.
  Snapshot first_, last_;
  int64_t times_ = 0;
  int64_t next_saved_ = 1;
};

}  // namespace stuckat::dataflow
