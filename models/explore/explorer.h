// How accelerators become designs: their cycles and what they take, with all that is varied.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/accelerator.h"
#include "models/explore/design.h"
#include "models/explore/sweep.h"

namespace stuckat::explore {

/// What is known of questions whose answers take long. This one knows nothing.
class Findings {
 public:
  virtual ~Findings() = default;
  /// The answer, JSON text, to `question`, which says all that it depends on.
  virtual std::string find(const std::string& question, const std::function<std::string()>& answer);
};

struct DesignTiming {
  int64_t first_image_cycles = 0;
  int64_t steady_cycles = 0;  ///< from one image to the one `steady_images` later
  int64_t steady_images = 1;
  std::string bottleneck;  ///< the part that is busy most
  bool waits = false;      ///< it does not work all the time: something makes it wait

  double interval_cycles() const {
    return static_cast<double>(steady_cycles) / static_cast<double>(steady_images);
  }
  /// Compares intervals exactly.
  bool slower_than(const DesignTiming& other) const {
    return steady_cycles * other.steady_images > other.steady_cycles * steady_images;
  }
  bool operator==(const DesignTiming&) const = default;
};

/// Where the timings of an exploration came from.
struct TimingCounts {
  int64_t simulated = 0;   ///< as a whole
  int64_t in_part = 0;     ///< only what differs from another design
  int64_t taken_over = 0;  ///< from a design of the same cycles
};

struct DesignPoint {
  Design design;
  AcceleratorPtr accelerator;
  bool waits = false;  ///< DesignTiming::waits: what sets the pace is Accelerator::time()'s to say
};

/// A design without what only its family knows (fifo, bytes_per_cycle).
Design design_of(const Accelerator& accelerator, const Network& network, const DesignTiming& timing,
                 double clock_mhz);

/// The designs of one family in one exploration; keeps what their timings have in common.
class Explorer {
 public:
  virtual ~Explorer() = default;
  /// Accelerators that the family's own options ask for, or for which they say how to find one.
  virtual int64_t seeds() const { return 0; }
  virtual std::vector<DesignPoint> from_seed(int64_t seed, Findings& findings);
  /// An accelerator of the family with all that is varied.
  virtual std::vector<DesignPoint> from(const AcceleratorPtr& accelerator, Findings& findings) = 0;
  virtual TimingCounts timings() const = 0;
};

/// "--clock": MHz; empty: each accelerator's own.
std::vector<double> clocks_mhz(const SweepValues& values);

/// Of a family without options: each accelerator at each clock. `network` outlives it.
std::unique_ptr<Explorer> plain_explorer(const SweepValues& values, const Network& network);

}  // namespace stuckat::explore
