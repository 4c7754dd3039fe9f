// When the MVTU does what (docs/hardware.md): one (nf, sf) step per cycle, sf fastest, in one
// flattened loop over all windows and images. It reads a word in each step of nf = 0 and writes one
// in the last step of each nf.
#pragma once

#include <cstdint>

#include "models/dataflow/mvtu.h"
#include "sim/kernel/stage.h"

namespace stuckat::dataflow {

class MvtuModule : public kernel::Stage {
 public:
  struct Params {
    int latency_steps = 6;
    kernel::Discipline discipline = kernel::Discipline::stalling;
    int64_t windows_per_image = 1;
    const int64_t* images = nullptr;  ///< of the run so far
  };
  /// The core outlives the module.
  MvtuModule(const sc_core::sc_module_name& name, kernel::Stream& in, kernel::Stream& out,
             const Params& params, Mvtu& core);
  Mvtu& core() { return core_; }
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }

 private:
  kernel::StepStatus advance() override;
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }

  Params params_;
  Mvtu& core_;
  kernel::Pipeline pipeline_;
  int64_t window_ = 0;
  int nf_ = 0;
  int sf_ = 0;
  int buffered_ = 0;  // steps of the fold on the buffered window; counted if there are flips
};

}  // namespace stuckat::dataflow
