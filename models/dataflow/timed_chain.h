// The timing-only engine: the parts of one accelerator and the FIFOs between them, run image by
// image. Where streams fork and join it may come to a deadlock, and says which depths would do.
// Images that surely repeat what the ones before them did are skipped.
//
// Exactly: an image is a function of the times that the one before left behind (Snapshot), made
// of nothing but additions of constants and choices of the later of two times: a max-plus system.
// - If all times are by the same number of cycles after those of an earlier image, everything
//   between repeats for ever: the steady state.
// - Else, as while a fast part still fills the FIFO before a slow one, each time moves on at a pace
//   of its own. As long as every choice falls on the same side, times are linear functions of those
//   before. Then two images in a row by which every time moved on equally are followed by others
//   like them until a choice turns, and all margins move on equally too, which says when.
#pragma once

#include <optional>
#include <vector>

#include "models/dataflow/chain_records.h"
#include "models/dataflow/timed_junction.h"
#include "models/dataflow/timing.h"

namespace stuckat::dataflow {

class TimedChain {
 public:
  TimedChain(const Network& network, const DataflowAccelerator& accelerator, int64_t images,
             const TimingOptions& options);
  /// Only what comes after a stream of a chain. One part plays what came before it in a run of as
  /// many images that differed after the stream alone.
  TimedChain(const Network& network, const DataflowAccelerator& accelerator, int64_t images,
             const TimingOptions& options, size_t stream, const StreamHistory& before);

  /// Once. Everything is recorded if `records` is given; then, as with `histories`, only whole
  /// periods of the steady state are skipped.
  /// Throws Deadlock, as all of these do.
  DataflowTiming run(ChainRecords* records = nullptr, ChainHistories* histories = nullptr);
  /// Once, after a stream: nothing if one of the words that are played must wait for room, so that
  /// what came before would have been another. Else `arrival_cycles` and `steady` are those of the
  /// whole chain, as are modules and streams but for the first, the player.
  std::optional<DataflowTiming> run_behind(ChainHistories& histories);

  /// Instead of run(): the steady state, or nothing if it was not found. Every time is the latest
  /// of some others, each with some cycles added, and neighbours wait for each other in both
  /// directions: wherever such a system starts, it comes to one and the same rate (Baccelli et al.,
  /// Synchronization and Linearity, 1992, chapter 3). So times may be changed on the way to one
  /// that is closer to it: only the rate is that of another run. Nothing is found where parts are
  /// not of that kind: an MVU in RTL comes later if a result leaves its core *earlier*, since then
  /// the core may stop before its next step.
  std::optional<SteadyState> find_rate();

  const std::vector<PartProgram>& programs() const { return programs_; }
  const std::vector<StageSpec>& stages() const { return chain_.stages; }

 private:
  struct Parts {
    Chain chain;
    std::vector<PartProgram> programs;
    std::vector<Turns> turns;  // [stages] of concats
    std::string where;
  };
  TimedChain(Parts parts, int64_t images, const TimingOptions& options,
             const StreamHistory* before);
  static Parts all_parts(const Network& network, const DataflowAccelerator& accelerator,
                         int64_t images, const TimingOptions& options);
  /// All that comes after a stream; the program of its writer is kept as one that is played.
  static Parts parts_behind(size_t stream, Parts all);
  bool run_images(ChainRecords* records, ChainHistories* histories);
  void drive(size_t stage);
  void run_next_image();
  StepStatus advance(size_t stage);
  void come_to_rest(size_t stage);
  bool stuck() const;
  [[noreturn]] void explain_deadlock();
  /// A full stream before a part that waits for a word of another one.
  struct Blocked {
    int full;
    size_t reader;
  };
  std::optional<Blocked> blocked() const;
  Snapshot snapshot() {
    return take_snapshot(admitted_, chain_, parts_, fifos_, options_.occupancy);
  }
  bool hurry(const Snapshot& now);
  void watch_choices();
  void look_for_period(Snapshot now, ChainRecords* records, ChainHistories* histories);
  /// `periods` times as from `then` to `now`; steady: by equally many cycles each time.
  void skip(const Snapshot& now, const Snapshot& then, int64_t periods, bool steady);
  void skip_stream(size_t stream, const Snapshot& now, const Snapshot& then, int64_t periods,
                   bool steady, const std::function<void(int64_t&)>& move);
  DataflowTiming result();

  Chain chain_;
  std::vector<PartProgram> programs_;
  std::string where_;
  bool line_;  // no stream forks
  std::vector<TimedFifo> fifos_;
  TimedParts parts_;
  std::vector<StepStatus> statuses_;  // [stage]; not of a line
  bool plays_;                        // the first part is a player
  TimingOptions options_;
  int64_t images_;                 // of the run
  int64_t simulated_;              // what the parts see of them: the others are skipped
  int64_t admitted_ = 0;           // what the reader sees: images that it may take
  std::vector<int64_t> arrivals_;  // of all images so far
  bool first_is_of_many_ = false;  // arrived before the last was admitted

  std::vector<Margins> margins_;  // [stage]; empty until they are watched
  Snapshot last_, before_last_;   // of the images before
  Snapshot old_;                  // an older one
  int64_t patience_ = 1;          // age at which a younger one takes its place
  SteadyState steady_;
  std::vector<Snapshot> states_;  // of all images that were not skipped, for histories
};

}  // namespace stuckat::dataflow
