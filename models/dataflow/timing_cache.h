// Timings of designs, each computed once, and not at all where another run says them exactly.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "models/dataflow/timed_chain.h"
#include "models/explore/explorer.h"

namespace stuckat::dataflow {

using explore::DesignTiming;

class TimingCache {
 public:
  /// `images` long are the runs in which the steady state is looked for first. Of what happened in
  /// streams as much is kept as fits into `history_bytes`, the youngest runs: by default a
  /// sixteenth of a small machine's memory.
  explicit TimingCache(const Network& network, int64_t images = 16,
                       size_t history_bytes = size_t{256} << 20)
      : network_(network), images_(images), history_bytes_(history_bytes) {}

  /// A run is taken over from one that differs only in
  /// - the clock, which changes no cycle;
  /// - depths of FIFOs that held at most depth - 2 words at once, in both depths: no word ever
  ///   waited for room in them, so that the same cycles satisfy the same rules. (Not from a run
  ///   that came to no steady state: with other depths it may.)
  /// Else only what comes after a stream is run, as far back as possible, if a run is known whose
  /// parts and FIFOs before it are the same and no word waited for room in it, in either run. What
  /// waits there is found out on the way; then all is run.
  DesignTiming timing(const DataflowAccelerator& accelerator);

  const explore::TimingCounts& counts() const { return counts_; }

 private:
  struct Run {
    std::vector<int> depths;      // [streams]
    std::vector<int> high_water;  // [streams]
    DesignTiming timing;
    bool steady;  // state reached; else the timing says what FIFOs do while they fill
  };
  /// What designs that begin alike need of one that was run.
  struct Beginning {
    std::vector<PartProgram> programs;    // [stages]
    std::vector<int> depths, high_water;  // [streams]
    std::vector<int64_t> busy;            // [stages]
    ChainHistories before;                // [streams]

    size_t bytes() const;
  };
  struct Known {
    const Beginning* beginning;
    size_t stream;
  };

  std::optional<Known> find_beginning(const Beginning& design) const;
  DataflowTiming run(const DataflowAccelerator& accelerator, Beginning& design);
  void keep(Beginning design);

  const Network& network_;
  int64_t images_;
  size_t history_bytes_;
  std::map<std::string, std::vector<Run>> runs_;  // by all parameters but clock and depths
  std::deque<Beginning> beginnings_;              // the youngest ones, as many as fit
  size_t bytes_ = 0;                              // of all of them
  explore::TimingCounts counts_;
};

}  // namespace stuckat::dataflow
