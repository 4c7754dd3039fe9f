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
  const auto [top, left, bottom, right] = params_.padding;
  const int height = params_.padded_height();
  const int width = params_.padded_width();
  while (image_ < *params_.images) {
    const bool inside = y_ >= top && y_ < height - bottom && x_ >= left && x_ < width - right;
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
