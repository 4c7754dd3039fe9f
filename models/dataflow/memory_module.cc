#include "models/dataflow/memory_module.h"

#include <algorithm>

namespace stuckat::dataflow {

using kernel::Discipline;
using kernel::StepStatus;

// Memory always answers: nothing ever waits in the reader for a step after it.
MemoryReaderModule::MemoryReaderModule(const sc_core::sc_module_name& name, kernel::Stream& stream,
                                       int latency_steps,
                                       const std::vector<std::vector<uint64_t>>& images)
    : Stage(name, nullptr, &stream),
      images_(images),
      limbs_(stream.limbs()),
      pipeline_(latency_steps, Discipline::flushing, &stream) {}

StepStatus MemoryReaderModule::advance() {
  for (; image_ < images_.size(); ++image_, position_ = 0) {
    const std::vector<uint64_t>& words = images_[image_];
    for (; position_ < words.size(); position_ += static_cast<size_t>(limbs_)) {
      if (const StepStatus p = pipeline_.step(0, nullptr); p != StepStatus::done) return p;
      std::copy_n(words.data() + position_, limbs_, pipeline_.emit());
    }
  }
  return pipeline_.drain();
}

MemoryWriterModule::MemoryWriterModule(const sc_core::sc_module_name& name, kernel::Stream& stream,
                                       int64_t words_per_image, const int64_t* images)
    : Stage(name, &stream, nullptr),
      words_per_image_(words_per_image),
      images_(images),
      pipeline_(1, Discipline::flushing, nullptr) {}

StepStatus MemoryWriterModule::advance() {
  while (static_cast<int64_t>(arrivals_.size()) < *images_) {
    if (const StepStatus p = pipeline_.step(0, in()); p != StepStatus::done) return p;
    words_.insert(words_.end(), in()->front(), in()->front() + in()->limbs());
    in()->pop(pipeline_.start());
    if (++word_ == words_per_image_) {
      word_ = 0;
      arrivals_.push_back(pipeline_.start() + 1);
      if (on_image) on_image(static_cast<int64_t>(arrivals_.size()));
    }
  }
  return StepStatus::done;
}

}  // namespace stuckat::dataflow
