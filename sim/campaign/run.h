// Running a campaign: every fault on every image, killed and resumed at any moment.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sim/campaign/engine.h"
#include "sim/campaign/fault_set.h"
#include "sim/campaign/result.h"
#include "workloads/dataset.h"
#include "workloads/network.h"

namespace stuckat::campaign {

struct RunOptions {
  int64_t first_image = 0;    ///< of the data set; it is image number 0 of the run
  int64_t images = -1;        ///< -1: all that follow
  Shard shard;                ///< images of this shard only: [images*i/n, images*(i+1)/n)
  std::string configuration;  ///< for the result; must not depend on threads, chunks or shards

  bool replace = false;  ///< whatever has the name of the result; else only what is the same

  // The result does not depend on these.
  int threads = 1;
  int chunk_images = 0;  ///< images between two checkpoints of a thread; 0: chosen
  int block_faults = 0;  ///< faults that are prepared at a time; 0: chosen
};

/// Where a run stands. No times and no rates: those are the caller's.
struct Progress {
  int64_t total = 0;    ///< fault-images
  int64_t done = 0;     ///< of them, those in the journal included
  int64_t resumed = 0;  ///< of them, those that an earlier run had done
};

/// Called after every image from the thread that did it, one call at a time. False stops the run.
using ProgressCallback = std::function<bool(const Progress&)>;

struct Outcome {
  bool finished = false;   ///< not if the callback stopped it
  Result result;           ///< if finished
  Progress progress;       ///< done: what is counted, and in the journal
  int64_t torn_bytes = 0;  ///< of the journal's end that a kill had torn off, done again
};

/// In memory, without journal. Throws InputError for images, shards and labels out of range.
Outcome run(const Network& network, const DataSet& data, const FaultSet& faults,
            const RunOptions& options, const Engine& engine = fast_engine(),
            const ProgressCallback& progress = {});

/// What to do with the journal of an earlier run (journal_path()).
enum class Resume : uint8_t {
  refuse,    ///< throw InputError if there is one
  required,  ///< throw InputError unless there is one, or the result is already there
  allowed,   ///< go on if there is one, else start (or return the result that is already there)
};

/// The same, with `path` as the result file. Done chunks go into a journal next to it; after a
/// kill, a full disk or a stop, the same call with Resume::allowed goes on from there, and the file
/// is the same, byte for byte, as that of a run that nothing interrupted. Throws InputError where
/// the journal is of another campaign (it says what differs), is damaged or in use by another
/// process, and where the disk is full: what was done stays. A result of the same campaign is
/// returned, not computed again; anything else at `path` is refused unless options.replace.
Outcome run_to_file(const std::string& path, Resume resume, const Network& network,
                    const DataSet& data, const FaultSet& faults, const RunOptions& options,
                    const Engine& engine = fast_engine(), const ProgressCallback& progress = {});

/// What the journal of a run that did not finish says about it.
struct Unfinished {
  std::string configuration;  ///< RunOptions::configuration, line ends as blanks
  Shard shard;
};

/// Throws InputError if there is no journal next to the result file `path`.
Unfinished read_unfinished(const std::string& path);

/// "c.h5" -> "c.h5.journal"
std::string journal_path(const std::string& result_path);

}  // namespace stuckat::campaign
