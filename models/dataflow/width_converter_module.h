// When a width converter does what: one word of the narrower side per cycle, one flattened loop
// over all images. The last wide word of an image may be partly empty.
#pragma once

#include <cstdint>

#include "models/dataflow/width_converter.h"
#include "sim/kernel/stage.h"

namespace stuckat::dataflow {

class WidthConverterModule : public kernel::Stage {
 public:
  struct Params {
    int latency_steps = 1;
    kernel::Discipline discipline = kernel::Discipline::stalling;
    int64_t narrow_words_per_image = 0;
    const int64_t* images = nullptr;  ///< of the run so far
    bool side_register = false;
  };
  WidthConverterModule(const sc_core::sc_module_name& name, kernel::Stream& in, kernel::Stream& out,
                       const Params& params);
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }

 private:
  kernel::StepStatus advance() override;
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }

  Params params_;
  WidthConverter core_;
  kernel::Pipeline pipeline_;
  int64_t image_ = 0;
  int64_t word_ = 0;  // narrow word of the image
  int position_ = 0;  // narrow word of the wide one
};

}  // namespace stuckat::dataflow
