// Puts a frame of padding around every image: one word per cycle, read or made up.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/kernel/stage.h"
#include "workloads/network.h"

namespace stuckat::dataflow {

class PaddingModule : public kernel::Stage {
 public:
  struct Params {
    int latency_steps = 1;
    kernel::Discipline discipline = kernel::Discipline::stalling;
    int height = 1;  ///< of the image without padding
    int width = 1;
    Padding padding;
    int words_per_pixel = 1;
    std::vector<uint64_t> padding_word;  ///< [limbs]
    const int64_t* images = nullptr;     ///< of the run so far
    bool side_register = false;

    int padded_height() const { return height + padding.top + padding.bottom; }
    int padded_width() const { return width + padding.left + padding.right; }
    /// (IFM + 2P)^2 * m
    int64_t cycles_per_image() const {
      return int64_t{padded_height()} * padded_width() * words_per_pixel;
    }
  };
  PaddingModule(const sc_core::sc_module_name& name, kernel::Stream& in, kernel::Stream& out,
                const Params& params);
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }

 private:
  kernel::StepStatus advance() override;
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }

  Params params_;
  kernel::Pipeline pipeline_;
  int64_t image_ = 0;
  int y_ = 0, x_ = 0, word_ = 0;  // of the padded image
};

}  // namespace stuckat::dataflow
