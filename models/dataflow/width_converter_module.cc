#include "models/dataflow/width_converter_module.h"

namespace stuckat::dataflow {

using kernel::StepStatus;

WidthConverterModule::WidthConverterModule(const sc_core::sc_module_name& name,
                                           kernel::Stream& source, kernel::Stream& sink,
                                           const Params& params)
    : Stage(name, &source, &sink),
      params_(params),
      core_(source.word_bits(), sink.word_bits()),
      pipeline_(params.latency_steps, params.discipline, &sink, params.side_register) {}

StepStatus WidthConverterModule::advance() {
  while (image_ < *params_.images) {
    const bool widens = core_.widens();
    const bool reads = widens || position_ == 0;
    if (const StepStatus p = pipeline_.step(0, reads ? in() : nullptr); p != StepStatus::done)
      return p;
    if (reads) {
      core_.load(in()->front());
      in()->pop(pipeline_.taken());
    }
    const bool last = ++word_ == params_.narrow_words_per_image;
    if (++position_ == core_.ratio() || last) position_ = 0;
    if (!widens || position_ == 0) core_.store(pipeline_.emit());
    if (last) {
      word_ = 0;
      ++image_;
    }
  }
  return pipeline_.drain();
}

}  // namespace stuckat::dataflow
