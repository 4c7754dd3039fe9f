// The controller: brings an image in, sends layers to the array, brings the result out.
#pragma once

#include <cstdint>
#include <functional>
#include <systemc>
#include <vector>

#include "models/accelerator.h"
#include "models/memory/fetch_module.h"
#include "models/memory/job.h"
#include "models/systolic/array_module.h"
#include "models/systolic/unified_buffer.h"

namespace stuckat::systolic {

using memory::Job;

/// What became of an image.
struct ImageRun {
  std::vector<Tensor> tensors;     ///< [tensor]; without values where nothing reads them any more
  std::vector<CycleSpan> spans;    ///< [tensor]
  std::vector<GemmCycles> layers;  ///< [Plan::layers]
  int64_t begin = 0, end = 0;      ///< from the end of the image before to its own end
  int64_t load = 0, store = 0;     ///< cycles
  int64_t total() const { return end - begin; }
};

/// Image after image; what has no weights happens on the way into the buffer, or reads from it
/// while the array waits. A tensor is given up with the last layer that reads it, unless all are
/// kept.
class ControllerModule : public sc_core::sc_module {
 public:
  sc_core::sc_fifo_out<memory::Transfer> program;
  sc_core::sc_fifo_in<memory::Moved> moved;
  sc_core::sc_fifo_out<LayerCommand> commands;
  sc_core::sc_fifo_in<LayerDone> done;

  /// What the surroundings have to say and want to know.
  struct Hooks {
    /// An image, of which memory held `bytes`; none where nothing is fetched.
    std::function<Tensor(int64_t image, const std::vector<uint8_t>& bytes)> input;
    /// The result is in memory.
    std::function<void(int64_t image, ImageRun run)> stored;
    /// No further image is to be begun; may be unset.
    std::function<bool()> stopped;
  };
  /// fetches: there is a memory behind `program`. All outlive the module.
  ControllerModule(const sc_core::sc_module_name& name, const Plan& plan, const Network& network,
                   const UnifiedBuffer& buffer, bool fetches, bool keep_tensors, Hooks hooks);

  /// In a thread of the caller: runs the images one after the other, and returns the cycle in which
  /// the last result is in memory.
  int64_t run(const Job& job);

 private:
  void run_image(int64_t image);
  memory::Moved move(int64_t bytes, uint64_t address, std::vector<uint8_t> store);
  void request_weights();
  void keep(ImageRun& image, Tensor tensor) const;

  const Plan& plan_;
  const Network& network_;
  const UnifiedBuffer& buffer_;
  const bool fetches_;
  Hooks hooks_;
  std::vector<std::vector<int>> read_last_;  // [layer]: tensors that no later layer reads
  Job job_;
  int64_t now_ = 0;
};

}  // namespace stuckat::systolic
