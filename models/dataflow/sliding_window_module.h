// When the sliding-window unit from HLS does what (docs/hardware.md): loads K rows, then for each
// output row writes OFM*K*K*m words while it reads the stride*IFM*m words of the next one. It does
// not read ahead into the next image, and drains once per image.
#pragma once

#include <cstdint>

#include "models/dataflow/sliding_window.h"
#include "sim/kernel/stage.h"

namespace stuckat::dataflow {

class SlidingWindowModule : public kernel::Stage {
 public:
  struct Params {
    int latency_steps = 1;
    kernel::Discipline discipline = kernel::Discipline::stalling;
    WindowShape shape;
    const int64_t* images = nullptr;  ///< of the run so far
  };
  SlidingWindowModule(const sc_core::sc_module_name& name, kernel::Stream& in, kernel::Stream& out,
                      const Params& params);
  SlidingWindow& core() { return core_; }
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }

 private:
  kernel::StepStatus advance() override;
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }
  kernel::StepStatus step(bool reads, bool writes);

  Params params_;
  SlidingWindow core_;
  kernel::Pipeline pipeline_;
  int64_t image_ = 0;
  int64_t loaded_ = 0;  // words of the image
  int row_ = 0;         // output row
  int64_t step_ = 0;    // step of the output row
};

}  // namespace stuckat::dataflow
