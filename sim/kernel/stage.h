// Base of all modules between streams: a method process that runs as far ahead as its streams let
// it, once per wake-up.
#pragma once

#include <string>
#include <systemc>
#include <vector>

#include "sim/kernel/pipeline.h"
#include "sim/kernel/stream.h"

namespace stuckat::kernel {

class Stage : public sc_core::sc_module {
 public:
  StepStatus status() const { return status_; }
  /// "layer1/mvtu waits for word 36 of layer1/windows (depth 2, holds 0)", for deadlock reports.
  std::string explain() const;
  /// The stream that it cannot write to for lack of a slot; null if it waits for none.
  Stream* full_stream() const {
    return status_ == StepStatus::needs_output ? waits_for() : nullptr;
  }
  virtual const StageCycles& cycles() const = 0;
  /// The stage is done and has been given more to do: it goes on in `cycle`, not before.
  void resume(int64_t cycle);
  /// The cycle in which a stage that is done could do its next step.
  virtual int64_t free_cycle() const = 0;

 protected:
  /// The streams outlive the stage; either may be null at the ends of a chain.
  Stage(const sc_core::sc_module_name& name, Stream* in, Stream* out);
  /// Reads several streams, or writes several.
  Stage(const sc_core::sc_module_name& name, std::vector<Stream*> ins, std::vector<Stream*> outs);

  /// Does steps until there are none left or something is missing.
  virtual StepStatus advance() = 0;
  virtual void idle_until(int64_t cycle) = 0;

  Stream* in() { return in_; }  // the first, or null
  Stream* out() { return out_; }
  const std::vector<Stream*>& ins() const { return ins_; }
  const std::vector<Stream*>& outs() const { return outs_; }

 private:
  void activate();
  Stream* waits_for() const;

  std::vector<Stream*> ins_;
  std::vector<Stream*> outs_;
  Stream* in_;
  Stream* out_;
  sc_core::sc_event wake_;
  StepStatus status_ = StepStatus::needs_input;
};

}  // namespace stuckat::kernel
