// Ends of a pipeline that stall as they were told: the same stalls for RTL and for our part.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/kernel/stage.h"

namespace stuckat::test {

/// Cycles that a stage does nothing before its n-th word.
using Stalls = std::vector<int>;

class StallingSource : public kernel::Stage {
 public:
  /// words: [n][limbs of the stream].
  StallingSource(const sc_core::sc_module_name& name, kernel::Stream& stream,
                 const std::vector<uint64_t>& words, const Stalls& stalls)
      : Stage(name, nullptr, &stream),
        words_(words),
        stalls_(stalls),
        limbs_(static_cast<size_t>(stream.limbs())),
        pipeline_(1, kernel::Discipline::flushing, &stream) {}
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }

 private:
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }
  kernel::StepStatus advance() override {
    for (; word_ < stalls_.size(); ++word_) {
      const kernel::StepStatus p = pipeline_.step(stalls_[word_], nullptr);
      if (p != kernel::StepStatus::done) return p;
      std::copy_n(words_.data() + word_ * limbs_, limbs_, pipeline_.emit());
    }
    return pipeline_.drain();
  }
  const std::vector<uint64_t>& words_;
  const Stalls& stalls_;
  size_t limbs_;
  kernel::Pipeline pipeline_;
  size_t word_ = 0;
};

class StallingSink : public kernel::Stage {
 public:
  StallingSink(const sc_core::sc_module_name& name, kernel::Stream& stream, const Stalls& stalls)
      : Stage(name, &stream, nullptr),
        stalls_(stalls),
        pipeline_(1, kernel::Discipline::flushing, nullptr) {}
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }
  const std::vector<uint64_t>& words() const { return words_; }
  const std::vector<int64_t>& arrivals() const { return arrivals_; }

 private:
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }
  kernel::StepStatus advance() override {
    for (; arrivals_.size() < stalls_.size(); arrivals_.push_back(pipeline_.start())) {
      const kernel::StepStatus p = pipeline_.step(stalls_[arrivals_.size()], in());
      if (p != kernel::StepStatus::done) return p;
      words_.insert(words_.end(), in()->front(), in()->front() + in()->limbs());
      in()->pop(pipeline_.start());
    }
    return kernel::StepStatus::done;
  }
  const Stalls& stalls_;
  kernel::Pipeline pipeline_;
  std::vector<uint64_t> words_;
  std::vector<int64_t> arrivals_;
};

}  // namespace stuckat::test
