// The timing-only engine: the parts of one accelerator and the FIFOs between them, run image by
// image. Images that surely repeat what the ones before them did are skipped.
//
// Exactly: an image is a function of the times that the one before left behind (see Snapshot), made
// of nothing but additions of constants and choices of the later of two times: a max-plus system.
// - If all times are by the same number of cycles behind those of an earlier image, everything
//   between repeats for ever: the steady state.
// - Else, as while a fast part still fills the FIFO before a slow one, each time moves on at a pace
//   of its own. As long as every choice falls on the same side, times are linear functions of those
//   before. Then two images in a row by which every time moved on equally are followed by others
//   like them until a choice turns, and all margins move on equally too, which says when.
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
  /// The end of an image.
  struct Snapshot {
    int64_t image = 0;                            // 0: none
    std::vector<int64_t> position;                // where everything is, but for times
    std::vector<int64_t> times;                   // those on which later ones depend
    std::vector<int64_t> clocks, blocked;         // [stage]
    std::vector<std::vector<int64_t>> unsettled;  // [stream], relative to the stage before
    std::vector<std::vector<int64_t>> cycles_at;  // [stream][occupancy]
  };

  void drive(size_t stage);
  void run_next_image();
  Progress advance(size_t stage);
  void watch_choices();
  Snapshot snapshot();
  void look_for_period(ChainRecords* records);
  static bool repeats(const Snapshot& now, const Snapshot& then);
  bool moves_on_alike(const Snapshot& now) const;
  /// `periods` times as from `then` to `now`; steady: by equally many cycles each time.
  void skip(const Snapshot& now, const Snapshot& then, int64_t periods, bool steady);
  void repeat(ChainRecords& records, const Snapshot& now, const Snapshot& then,
              int64_t periods) const;
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

  std::vector<Margins> margins_;  // [stage]; empty until they are watched
  Snapshot last_, before_last_;   // of the images before
  Snapshot old_;                  // an older one
  int64_t patience_ = 1;          // age at which a younger one takes its place
  SteadyState steady_;
};

}  // namespace stuckat::dataflow
