// When a pool does what (docs/hardware.md): reads k*D words, then writes the D/k of an output
// row; m times as many where a word is one m-th of a pixel. Where windows overlap, k*k*m words of a
// window, then the m words of its output pixel.
#pragma once

#include <cstdint>

#include "models/dataflow/max_pool.h"
#include "models/dataflow/sum_pool.h"
#include "sim/kernel/stage.h"

namespace stuckat::dataflow {

struct PoolParams {
  int latency_steps = 1;
  int64_t words_read_per_row = 1;     ///< k*D*m
  int64_t words_written_per_row = 1;  ///< D/k*m
  int rows = 1;                       ///< of the output; of windows: words of them
  bool gives_with_last = false;       ///< a row's one word leaves in the step of its last read
  kernel::Discipline discipline = kernel::Discipline::flushing;
  int64_t words_dropped = 0;        ///< below the last window
  const int64_t* images = nullptr;  ///< of the run so far

  /// D*D*(1 + 1/k^2) for m = 1 where k divides D
  int64_t cycles_per_image() const {
    return rows * (words_read_per_row + words_written_per_row) + words_dropped;
  }
};
PoolParams pool_params(const Layer& layer, int words_per_pixel);
/// K*K*m cycles for each window (finn-hlslib: Pool_batch)
PoolParams window_pool_params(const Layer& layer, int words_per_pixel);

/// Core: MaxPool or SumPool.
template <typename Core>
class PoolModule : public kernel::Stage {
 public:
  PoolModule(const sc_core::sc_module_name& name, kernel::Stream& in, kernel::Stream& out,
             const PoolParams& params, Core core);
  Core& core() { return core_; }
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }

 private:
  kernel::StepStatus advance() override;
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }

  PoolParams params_;
  Core core_;
  kernel::Pipeline pipeline_;
  int64_t image_ = 0;
  int row_ = 0;
  int64_t read_ = 0;     // words of the row
  int64_t written_ = 0;  // words of the row
  int64_t dropped_ = 0;  // words after the last row
};

using MaxPoolModule = PoolModule<MaxPool>;
using SumPoolModule = PoolModule<SumPool>;

}  // namespace stuckat::dataflow
