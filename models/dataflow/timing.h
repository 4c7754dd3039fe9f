// When a dataflow accelerator does what, without values and without SystemC: the cycles of
// simulate(), all its statistics, and which step every part does in a given cycle. The run is exact
// for any number of images: those that surely go on as the ones before them did are skipped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/common/run_statistics.h"
#include "models/dataflow/accelerator.h"
#include "workloads/errors.h"

namespace stuckat::dataflow {

/// Of branches that wait for each other, because a FIFO of one of them is too short: which, and
/// which depth would do.
class Deadlock : public InputError {
  using InputError::InputError;
};

struct TimingOptions {
  bool skip_periods = true;    ///< false: every word of every image, as an oracle and a benchmark
  bool occupancy = true;       ///< high-water marks and histograms of the streams
  int64_t input_interval = 1;  ///< cycles from one word of memory to the next, at least
};

/// Image number `image`, counted from 1, and every further one of a longer run arrive `cycles`
/// after the one `images` before: all parts and streams are in the state of then.
struct SteadyState {
  int64_t image = 0;
  int64_t images = 0;  ///< 0: not reached within the run
  int64_t cycles = 0;

  bool operator==(const SteadyState&) const = default;
};

struct DataflowTiming {
  std::vector<int64_t> arrival_cycles;  ///< cycle by which the image's last word is in memory
  int64_t first_image_cycles = 0;
  int64_t total_cycles = 0;  ///< until every module is at rest

  std::vector<ModuleStatistics> modules;  ///< in the order of the data path
  std::vector<StreamStatistics> streams;
  std::string bottleneck;  ///< the module that was busy in most cycles

  // Filled by time_images() alone:
  SteadyState steady;
  bool first_is_of_many = false;  ///< the first image comes no later in a longer run
  int64_t images_simulated = 0;   ///< the others were skipped

  bool operator==(const DataflowTiming&) const = default;
};

/// The timing of `images` >= 1 images in one run. Throws InputError as validate() does, or
/// Deadlock.
DataflowTiming time_images(const Network& network, const DataflowAccelerator& accelerator,
                           int64_t images, const TimingOptions& options = {});

/// Cycles from one image to the one `images` later.
struct Interval {
  int64_t cycles = 0;
  int64_t images = 1;

  double per_image() const { return static_cast<double>(cycles) / static_cast<double>(images); }
};

/// The steady interval, in lowest terms: that of a run so long that everything repeats. No run of a
/// few images shows it: the first ones fill the FIFOs, and the last ones drain, in a stalling
/// pipeline as many as it holds, and faster than the bottleneck. Throws InputError as validate()
/// does.
/// `known`: of a run that may have come to that state, which need not be looked for then.
Interval steady_interval(const Network& network, const DataflowAccelerator& accelerator,
                         const SteadyState& known = {});

/// What a part does in one cycle.
struct PartStep {
  int64_t image = 0;
  int64_t step =
      0;  ///< of the image's loop (docs/hardware.md): for an MVTU (window*NF + nf)*SF + sf
  bool busy = false;  ///< it starts in this cycle; otherwise the part waits with it after it
};

class StepRecord;

/// A timing with which step and which word are where in each cycle, exactly.
class DataflowSchedule {
 public:
  DataflowSchedule(const Network& network, const DataflowAccelerator& accelerator, int64_t images,
                   const TimingOptions& options = {});
  ~DataflowSchedule();
  DataflowSchedule(DataflowSchedule&&) noexcept;

  const DataflowTiming& timing() const;
  /// Indices as in timing().modules and timing().streams. Throw InputError for an unknown name.
  int part(const std::string& name) const;
  int stream(const std::string& name) const;
  /// The streams that a part reads and writes, the first of several.
  int read_by(int part) const;
  int written_by(int part) const;
  int64_t steps_per_image(int part) const;

  /// The last step that started in `cycle` or before; nothing before the first, and nothing once
  /// the part is done and its pipeline empty. A step at steps_per_image() or above is a bubble with
  /// which the part drains.
  std::optional<PartStep> step_at(int part, int64_t cycle) const;
  /// The cycle in which a step starts; 0 <= image < images, 0 <= step < steps_per_image().
  int64_t cycle_of(int part, int64_t image, int64_t step) const;
  /// The first step of the run that starts in `cycle` or later, counted over all images; its image
  /// is step / steps_per_image(). Nothing after the last one.
  std::optional<int64_t> next_step(int part, int64_t cycle) const;
  /// The word of the run that is pushed into a stream in `cycle`.
  std::optional<int64_t> word_pushed(int stream, int64_t cycle) const;
  /// How many words were written into a stream, and read from it, before `cycle`.
  int64_t words_pushed(int stream, int64_t cycle) const;
  int64_t words_popped(int stream, int64_t cycle) const;
  /// When a word of the run is written into a stream, and read from it.
  int64_t push_cycle(int stream, int64_t word) const;
  int64_t pop_cycle(int stream, int64_t word) const;
  /// When a result of the run leaves the core of an MVU in RTL.
  int64_t exit_cycle(int part, int64_t result) const;
  /// Which word of the run lies in a slot of a stream in `cycle`, from that of its push to that of
  /// its pop; nothing if the slot is empty. 0 <= slot < depth.
  std::optional<int64_t> word_in(int stream, int slot, int64_t cycle) const;

 private:
  struct State;
  int64_t words_before(const StepRecord& words, int stream, int64_t cycle) const;
  std::unique_ptr<State> state_;
};

}  // namespace stuckat::dataflow
