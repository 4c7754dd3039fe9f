#include "models/dataflow/rtl_parts_module.h"

#include <algorithm>

#include "models/dataflow/words.h"

namespace stuckat::dataflow {

using kernel::StepStatus;

RtlWindowModule::RtlWindowModule(const sc_core::sc_module_name& name, kernel::Stream& source,
                                 kernel::Stream& sink, const WindowShape& shape,
                                 const RtlStageParams& params)
    : RtlStageModule(name, source, sink, RtlWindowClock(shape), params),
      ring_(shape.ring_words(), source.limbs()),
      words_per_image_(shape.words_per_image()) {}

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

StepStatus ParallelWindowModule::advance() {
  const auto ends_window = [&](int64_t at, int outputs) {
    const int64_t first = at - (shape_.kernel - 1);
    return first >= 0 && first % shape_.stride == 0 && first / shape_.stride < outputs;
  };
  for (; image_ < *images_; ++image_, element_ = 0) {
    for (; element_ < shape_.words_per_image(); ++element_) {
      if (const StepStatus p = pipeline_.step(0, in()); p != StepStatus::done) return p;
      ring_.write(element_, in()->front(), pipeline_.start());
      in()->pop(pipeline_.start());
      const int64_t y = element_ / shape_.words_per_row();
      const int64_t x = element_ % shape_.words_per_row() / shape_.words_per_pixel;
      if (ends_window(y, shape_.out_height) && ends_window(x, shape_.out_width)) emit_window();
    }
    if (const StepStatus p = pipeline_.drain(); p != StepStatus::done) return p;
  }
  return pipeline_.drain();
}

RtlMvuModule::RtlMvuModule(const sc_core::sc_module_name& name, kernel::Stream& source,
                           kernel::Stream& sink, const RtlMvuShape& shape,
                           const RtlStageParams& params, Mvtu& core)
    : RtlStageModule(name, source, sink, RtlMvuClock(shape), params),
      core_(core),
      buffer_(shape.replay_words(), source.limbs()),
      words_(static_cast<size_t>(shape.synapse_fold * source.limbs())),
      core_before_(clock_.last_step()) {}

void RtlMvuModule::stick_register(int which, int bit, bool one) {
  Register& at = registers_[which];
  at.keep.resize(static_cast<size_t>(out()->limbs()), ~uint64_t{0});
  at.set.resize(at.keep.size());
  stick_word_bit(at.keep.data(), at.set.data(), bit, one);
}

void RtlMvuModule::flip_register(int which, int bit, int64_t cycle) {
  registers_[which].flips.push_back({bit, cycle});
}

void RtlMvuModule::Register::pass(uint64_t* word, int limbs, int64_t since, int64_t until) const {
  for (const Flip& flip : flips) {
    if (since < flip.cycle && flip.cycle <= until) flip_word_bit(word, flip.bit);
  }
  if (!keep.empty()) read_word(word, keep.data(), set.data(), limbs);
}

void RtlMvuModule::leave() {
  if (registers_[0].is_healthy() && registers_[1].is_healthy()) return;
  const int64_t exit = clock_.exit(), before = clock_.last_write();
  if (before > exit) registers_[0].pass(word(), out()->limbs(), exit, before);
  // Nothing flips where the stream after is wires: when a word leaves is not known here then.
  int64_t until = clock_.earliest_write();
  if (out()->depth() > 0) until = std::max(until, out()->slot_free());
  registers_[1].pass(word(), out()->limbs(), std::max(exit, before), until);
}

void RtlMvuModule::take(const uint64_t* word, int64_t cycle) {
  if (keeps_steps() && !records_) {
    // Before the first step: faults are armed then.
    clock_.record(&steps_);
    steps_.add(0, clock_.last_step());
    records_ = true;
  }
  if (buffer_.is_healthy()) {
    core_.load(word);
  } else {
    buffer_.write(words_taken_, word, cycle);
    buffer_.fetch(words_taken_, words_.data(), std::max(core_before_, cycle + 1));
    core_.load(words_.data());
    ++words_taken_;
  }
  if (clock_.writes()) store();
  core_before_ = clock_.last_step();
}

void RtlMvuModule::work() {
  if (buffer_.has_flips()) replay_fold(clock_.steps() - core_.synapse_fold());
  store();
  core_before_ = clock_.last_step();
}

/// Each word is read from the buffer in the cycle of the step before its own.
void RtlMvuModule::replay_fold(int64_t first_step) {
  const auto limbs = static_cast<size_t>(in()->limbs());
  const int64_t first_word = words_taken_ - core_.synapse_fold();
  for (int step = 0; step < core_.synapse_fold(); ++step) {
    buffer_.fetch(first_word + step, words_.data() + static_cast<size_t>(step) * limbs,
                  steps_.cycle_of(first_step + step - 1));
  }
  core_.reload(words_.data(), in()->limbs());
}

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

StepStatus ThresholdingModule::advance() {
  for (; image_ < *params_.images; ++image_, word_ = 0, row_ = 0) {
    for (; word_ < params_.words_per_image; ++word_) {
      if (const StepStatus p = pipeline_.step(0, in()); p != StepStatus::done) return p;
      core_.threshold(row_, params_.lanes, in()->front(), pipeline_.emit());
      in()->pop(pipeline_.start());
      row_ += params_.lanes;
      if (row_ == core_.rows()) row_ = 0;
    }
  }
  return pipeline_.drain();
}

}  // namespace stuckat::dataflow
