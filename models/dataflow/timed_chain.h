// The timing-only engine: the parts of one accelerator and the FIFOs between them, run image by
// image. Where an image repeats the one before, or the last few repeat those before them, as many
// such periods as are surely alike are skipped.
//
// Exactly: between two images with equal states (see Snapshot) part s went on by D(s) cycles. If
// all D are equal, everything repeats for ever. If not, as while a fast part still fills the FIFO
// before a slow one, everything repeats as long as no part meets a bound that its neighbour sets
// across a FIFO with different D on its sides: the margin to that bound, measured over the period,
// shrinks by the difference of D each period. (A max-plus linear system between two changes of its
// critical circuits.)
#pragma once

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
  /// The end of an image. `state` is what the future depends on, each part's times relative to its
  /// own clock: equal states have futures that differ by how far the clocks are apart alone.
  struct Snapshot {
    int64_t image = 0;
    std::vector<int64_t> state;
    std::vector<int64_t> clocks, blocked;         // [stage]
    std::vector<std::vector<int64_t>> unsettled;  // [stream]
    std::vector<std::vector<int64_t>> cycles_at;  // [stream][occupancy]
  };

  void drive(size_t stage);
  void run_next_image();
  Progress advance(size_t stage);
  Snapshot snapshot() const;
  void keep(Snapshot now);
  void look_for_period(ChainRecords* records);
  int64_t periods_alike(const Snapshot& now) const;
  bool trace_drifting(const Snapshot& now);
  void skip(const Snapshot& now, int64_t periods, ChainRecords* records);
  DataflowTiming result();

  Chain chain_;
  std::vector<LoopProgram> programs_;
  std::vector<TimedFifo> fifos_;
  std::vector<TimedPart> parts_;
  TimingOptions options_;
  int64_t images_;                 // of the run
  int64_t simulated_;              // what the parts see of them: the others are skipped
  int64_t admitted_ = 0;           // what the writer sees: images that it may take
  std::vector<int64_t> arrivals_;  // of all images so far

  Snapshot old_;                     // to which later ones are compared; empty at first
  std::vector<int64_t> last_state_;  // of the last image
  int64_t age_ = 0;                  // images since then
  int64_t patience_ = 1;             // age at which a younger one takes its place
  SteadyState steady_;
};

}  // namespace stuckat::dataflow
