// An accelerator of whatever family that a network runs on: all that the command, the studies and a
// test bench ask of it. Its parameters are a value of its family (dataflow::DataflowAccelerator,
// loopback::LoopbackAccelerator); models/family.h has the families.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "faultmaps/fault_map.h"
#include "faultmaps/placement.h"
#include "faultmaps/timeline.h"
#include "models/common/run_statistics.h"
#include "workloads/network.h"

namespace stuckat {

/// What a design takes, in units that need no synthesis.
struct Cost {
  int64_t pes = 0;
  int64_t multipliers = 0;  ///< PE * SIMD, all parts together
  int64_t memory_bits = 0;
  // Of an FPGA, as FINN estimates them for its matrix-vector units; 0 where there is no estimate.
  int64_t luts = 0;    ///< with multipliers in LUTs
  int64_t bram18 = 0;  ///< of the weights
  int64_t dsps = 0;    ///< if the multipliers were DSPs

  bool operator==(const Cost&) const = default;
};

/// What to record of a simulation beside its logits and cycles.
struct Recording {
  bool tensors = false;           ///< every intermediate tensor of every image
  bool statistics = false;        ///< the steady interval, and how full the streams were
  bool spans = false;             ///< when the tensors of the last image came out
  std::ostream* trace = nullptr;  ///< what happened when, as Trace Event Format (JSON object form)
  /// Told when an image is done, of how many that makes: 1, 2, ... of all. May be unset.
  std::function<void(int64_t images_done)> progress = {};
};

/// Cycles first .. last; -1 where it was not seen: the tensor crosses no stream.
struct CycleSpan {
  int64_t first = -1;
  int64_t last = -1;

  bool operator==(const CycleSpan&) const = default;
};

/// A run of some images back to back; of a timing everything but the values.
struct SimulationResult {
  int64_t first_image_cycles = 0;
  std::optional<int64_t> interval_cycles;  ///< from image to image in a long run
  int64_t total_cycles = 0;                ///< of all images
  std::string bottleneck;                  ///< what sets the interval: a part, or a FIFO
  std::vector<std::string> notes;          ///< what was chosen that the description leaves open
  std::vector<ModuleStatistics> modules;   ///< in the order of the data
  std::vector<StreamStatistics> streams;   ///< may be empty
  std::vector<LayerStatistics> layers;     ///< where layers follow each other on one array

  std::vector<std::vector<int32_t>> logits;  ///< [image][class]
  std::vector<std::vector<Tensor>> tensors;  ///< [image][tensor], if recorded
  std::vector<CycleSpan> spans;              ///< [tensor] of the last image, if recorded
  std::vector<ErrorReport> reports;          ///< of comparators, if any spoke
};

class Accelerator {
 public:
  virtual ~Accelerator() = default;

  /// "dataflow:bnn-pynq-cnv-w1a1": the prefix of its family and a name of its own; what fault maps
  /// are made for.
  virtual std::string name() const = 0;
  /// To turn cycles into time; 0: nothing says.
  virtual double clock_mhz() const { return 0; }
  /// Without the redundancy around it; null: there is none.
  virtual std::shared_ptr<const Accelerator> inside() const { return nullptr; }
  /// Every parameter as JSON, which the family reads back.
  virtual std::string json(const Network& network) const = 0;

  // All of these throw InputError if the network does not fit.
  virtual Placement place(const Network& network) const = 0;
  /// Of a run of `images` >= 1 images.
  virtual std::unique_ptr<Timeline> timeline(const Network& network, int64_t images) const = 0;
  /// The cycles of `images` >= 1 images with their statistics: exact, without values.
  virtual SimulationResult time(const Network& network, int64_t images) const = 0;
  /// Arms the fault map (of place(); empty: healthy) and runs the images through the cycle-level
  /// model. Once per process where that is SystemC: a second call throws InputError. Throws
  /// InputError on a bad map, no image, or one of another shape.
  virtual SimulationResult simulate(const Network& network, const FaultMap& map,
                                    const std::vector<Tensor>& images,
                                    const Recording& recording) const = 0;
  virtual Cost cost(const Network& network) const = 0;
};

using AcceleratorPtr = std::shared_ptr<const Accelerator>;

/// The placement, validated. With `images` > 0 it knows the timeline of a run of so many images,
/// which transients need; that is worked out when a transient asks for it first.
Placement place_on(const AcceleratorPtr& accelerator, const Network& network, int64_t images = 0);

}  // namespace stuckat
