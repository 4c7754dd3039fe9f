#include "models/dataflow/rtl_parts_module.h"

#include <algorithm>

#include "models/dataflow/words.h"

namespace stuckat::dataflow {

using kernel::Progress;

RtlWindowModule::RtlWindowModule(const sc_core::sc_module_name& name, kernel::Stream& source,
                                 kernel::Stream& sink, const WindowShape& shape,
                                 const RtlStageParams& params)
    : RtlStageModule(name, source, sink, RtlWindowClock(shape), params),
      ring_(shape.ring_words(), source.limbs()) {}

ParallelWindowModule::ParallelWindowModule(const sc_core::sc_module_name& name,
                                           kernel::Stream& source, kernel::Stream& sink,
                                           const WindowShape& shape, const int64_t* images)
    : Stage(name, &source, &sink),
      shape_(shape),
      images_(images),
      ring_(shape.ring_words(), source.limbs()),
      pipeline_(1, kernel::Discipline::flushing, &sink),
      pixel_(static_cast<size_t>(source.limbs())) {}

/// The one whose last pixel came last.
void ParallelWindowModule::emit_window() {
  const int size = shape_.kernel, bits = in()->word_bits();
  uint64_t* const window = pipeline_.emit();
  std::fill_n(window, out()->limbs(), 0);
  for (int i = 0; i < size * size; ++i) {
    const int64_t rows = size - 1 - i / size, columns = size - 1 - i % size;
    const int64_t behind = rows * shape_.words_per_row() + columns * shape_.words_per_pixel;
    ring_.fetch(element_ - behind, pixel_.data(), pipeline_.start());
    copy_bits(window, i * bits, pixel_.data(), 0, bits);
  }
}

Progress ParallelWindowModule::advance() {
  const auto ends_window = [&](int64_t at, int outputs) {
    const int64_t first = at - (shape_.kernel - 1);
    return first >= 0 && first % shape_.stride == 0 && first / shape_.stride < outputs;
  };
  for (; image_ < *images_; ++image_, element_ = 0) {
    for (; element_ < shape_.words_per_image(); ++element_) {
      if (const Progress p = pipeline_.step(0, in()); p != Progress::done) return p;
      ring_.write(element_, in()->front(), pipeline_.start());
      in()->pop(pipeline_.start());
      const int64_t y = element_ / shape_.words_per_row();
      const int64_t x = element_ % shape_.words_per_row() / shape_.words_per_pixel;
      if (ends_window(y, shape_.out_height) && ends_window(x, shape_.out_width)) emit_window();
    }
    if (const Progress p = pipeline_.drain(); p != Progress::done) return p;
  }
  return pipeline_.drain();
}

RtlMvuModule::RtlMvuModule(const sc_core::sc_module_name& name, kernel::Stream& source,
                           kernel::Stream& sink, const RtlMvuShape& shape,
                           const RtlStageParams& params, Mvtu& core)
    : RtlStageModule(name, source, sink, RtlMvuClock(shape), params), core_(core) {}

void RtlMvuModule::take(const uint64_t* word, int64_t /*cycle*/) {
  if (core_.has_flips() && !records_) {
    // Before the first step: faults are armed then.
    clock_.record(&steps_);
    steps_.add(0, clock_.last_step());
    records_ = true;
  }
  core_.load(word);
  if (clock_.writes()) store();
}

void RtlMvuModule::work() { store(); }

void RtlMvuModule::store() {
  if (core_.has_flips()) {
    const int64_t first = clock_.steps() - core_.synapse_fold();
    for (int step = 0; step < core_.synapse_fold(); ++step) {
      core_.step_starts(step, steps_.cycle_of(first + step));
    }
  }
  core_.store(fold_, word());
  if (++fold_ == core_.neuron_fold()) fold_ = 0;
}

RtlNarrowingModule::RtlNarrowingModule(const sc_core::sc_module_name& name, kernel::Stream& source,
                                       kernel::Stream& sink, const RtlNarrowingShape& shape,
                                       const RtlStageParams& params)
    : RtlStageModule(name, source, sink, RtlNarrowingClock(shape), params),
      core_(source.word_bits(), sink.word_bits()) {}

void RtlNarrowingModule::take(const uint64_t* word, int64_t /*cycle*/) {
  core_.load(word);
  core_.store(this->word());
}

ThresholdingModule::ThresholdingModule(const sc_core::sc_module_name& name, kernel::Stream& source,
                                       kernel::Stream& sink, const Params& params, Mvtu& core)
    : Stage(name, &source, &sink),
      params_(params),
      core_(core),
      pipeline_(params.bits + 2, kernel::Discipline::flushing, &sink, false, 1) {}

Progress ThresholdingModule::advance() {
  for (; image_ < *params_.images; ++image_, word_ = 0, row_ = 0) {
    for (; word_ < params_.words_per_image; ++word_) {
      if (const Progress p = pipeline_.step(0, in()); p != Progress::done) return p;
      core_.threshold(row_, params_.lanes, in()->front(), pipeline_.emit());
      in()->pop(pipeline_.start());
      row_ += params_.lanes;
      if (row_ == core_.rows()) row_ = 0;
    }
  }
  return pipeline_.drain();
}

}  // namespace stuckat::dataflow
