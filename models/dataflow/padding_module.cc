#include "models/dataflow/padding_module.h"

#include <algorithm>

namespace stuckat::dataflow {

using kernel::StepStatus;

PaddingModule::PaddingModule(const sc_core::sc_module_name& name, kernel::Stream& source,
                             kernel::Stream& sink, const Params& params)
    : Stage(name, &source, &sink),
      params_(params),
      pipeline_(params.latency_steps, params.discipline, &sink, params.side_register) {}

StepStatus PaddingModule::advance() {
  const int pad = params_.padding;
  const int height = params_.height + 2 * pad;
  const int width = params_.width + 2 * pad;
  while (image_ < *params_.images) {
    const bool inside = y_ >= pad && y_ < height - pad && x_ >= pad && x_ < width - pad;
    if (const StepStatus p = pipeline_.step(0, inside ? in() : nullptr); p != StepStatus::done) {
      return p;
    }
    const uint64_t* word = inside ? in()->front() : params_.padding_word.data();
    std::copy_n(word, in()->limbs(), pipeline_.emit());
    if (inside) in()->pop(pipeline_.taken());
    if (++word_ < params_.words_per_pixel) continue;
    word_ = 0;
    if (++x_ < width) continue;
    x_ = 0;
    if (++y_ < height) continue;
    y_ = 0;
    ++image_;
  }
  return pipeline_.drain();
}

}  // namespace stuckat::dataflow
