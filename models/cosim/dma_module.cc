#include "models/cosim/dma_module.h"

#include <utility>

namespace stuckat::cosim {

using kernel::Discipline;
using kernel::StepStatus;

DmaReadModule::DmaReadModule(const sc_core::sc_module_name& name, kernel::Stream& buffer,
                             kernel::Stream& sink, int latency_steps, int64_t words_per_image,
                             const int64_t* images)
    : Stage(name, &buffer, &sink),
      words_per_image_(words_per_image),
      images_(images),
      pipeline_(latency_steps, Discipline::flushing, &sink) {}

StepStatus DmaReadModule::advance() {
  for (; word_ < *images_ * words_per_image_; ++word_) {
    if (const StepStatus p = pipeline_.step(0, in()); p != StepStatus::done) return p;
    std::copy_n(in()->front(), in()->limbs(), pipeline_.emit());
    in()->pop(pipeline_.start());
  }
  return pipeline_.drain();
}

DmaWriteModule::DmaWriteModule(const sc_core::sc_module_name& name, kernel::Stream& source,
                               int64_t words_per_image, const int64_t* images)
    : Stage(name, &source, nullptr),
      words_per_image_(words_per_image),
      images_(images),
      pipeline_(1, Discipline::flushing, nullptr) {}

StepStatus DmaWriteModule::advance() {
  while (image_ < *images_) {
    if (const StepStatus p = pipeline_.step(0, in()); p != StepStatus::done) return p;
    result_.words.insert(result_.words.end(), in()->front(), in()->front() + in()->limbs());
    in()->pop(pipeline_.start());
    if (++word_ < words_per_image_) continue;
    word_ = 0;
    ++image_;
    result_.cycle = pipeline_.start() + 1;
    results.push_back(std::exchange(result_, {}));
    arrived.notify(sc_core::SC_ZERO_TIME);
  }
  return StepStatus::done;
}

}  // namespace stuckat::cosim
