// FINN's parts in RTL as SystemC modules.
#pragma once

#include "models/dataflow/mvtu.h"
#include "models/dataflow/rtl_mvu_clock.h"
#include "models/dataflow/rtl_narrowing_clock.h"
#include "models/dataflow/rtl_stage_module.h"
#include "models/dataflow/rtl_window_clock.h"
#include "models/dataflow/width_converter.h"
#include "models/dataflow/word_ring.h"

namespace stuckat::dataflow {

class RtlWindowModule : public RtlStageModule<RtlWindowClock> {
 public:
  RtlWindowModule(const sc_core::sc_module_name& name, kernel::Stream& source, kernel::Stream& sink,
                  const WindowShape& shape, const RtlStageParams& params);
  WordRing& ring() { return ring_; }

 private:
  void take(const uint64_t* word, int64_t cycle) override {
    ring_.write(first_ + clock_.last_element(), word, cycle);
  }
  void work() override { ring_.fetch(first_ + clock_.last_fetched(), word(), clock_.last_fetch()); }
  void end_image() override { first_ += words_per_image_; }

  WordRing ring_;
  int64_t words_per_image_;
  int64_t first_ = 0;  // word of the image, counted over the run
};

/// All pixels of a window at once: one word is read in a step, and a window leaves where one is
/// complete. Images do not overlap.
class ParallelWindowModule : public kernel::Stage {
 public:
  ParallelWindowModule(const sc_core::sc_module_name& name, kernel::Stream& source,
                       kernel::Stream& sink, const WindowShape& shape, const int64_t* images);
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }

 private:
  kernel::StepStatus advance() override;
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }
  void emit_window();

  WindowShape shape_;
  const int64_t* images_;
  WordRing ring_;
  kernel::Pipeline pipeline_;
  std::vector<uint64_t> pixel_;  // a word of the ring
  int64_t image_ = 0;
  int64_t element_ = 0;  // the next one
};

/// The core outlives the module. It is asked for a fold when the last step of it was done.
class RtlMvuModule : public RtlStageModule<RtlMvuClock> {
 public:
  RtlMvuModule(const sc_core::sc_module_name& name, kernel::Stream& source, kernel::Stream& sink,
               const RtlMvuShape& shape, const RtlStageParams& params, Mvtu& core);
  Mvtu& core() { return core_; }
  WordRing& replay_buffer() { return buffer_; }
  /// Bit `bit` of one of the registers through which results leave: 0 holds a result that waits
  /// for the one before, 1 drives the stream. Before the first word.
  void stick_register(int which, int bit, bool one);
  void flip_register(int which, int bit, int64_t cycle);

 private:
  /// A word of results, one of its registers.
  struct Register {
    struct Flip {
      int bit;
      int64_t cycle;
    };
    std::vector<uint64_t> keep, set;  // [limbs], or empty: healthy
    std::vector<Flip> flips;

    bool is_healthy() const { return keep.empty() && flips.empty(); }
    /// The word lies there from the cycle after `since` to `until`.
    void pass(uint64_t* word, int limbs, int64_t since, int64_t until) const;
  };

  void take(const uint64_t* word, int64_t cycle) override;
  void work() override;
  void leave() override;
  void store();
  void replay_fold(int64_t first_step);
  bool keeps_steps() const { return core_.has_flips() || buffer_.has_flips(); }

  Mvtu& core_;
  WordRing buffer_;  // of one neuron fold: not used
  Register registers_[2];
  std::vector<uint64_t> words_;  // [synapse fold][limbs] as a fold reads them, if the buffer flips
  int64_t words_taken_ = 0;
  int64_t core_before_;  // the cycle of the step before the one at hand
  StepRecord steps_;     // kept if there are flips
  int fold_ = 0;
  bool records_ = false;
};

class RtlNarrowingModule : public RtlStageModule<RtlNarrowingClock> {
 public:
  RtlNarrowingModule(const sc_core::sc_module_name& name, kernel::Stream& source,
                     kernel::Stream& sink, const RtlNarrowingShape& shape,
                     const RtlStageParams& params);

 private:
  void take(const uint64_t* word, int64_t cycle) override;
  void work() override { core_.store(word()); }

  WidthConverter core_;
};

/// Thresholds of a layer after its MVU: sums of PE rows in, codes of as many out. The thresholds
/// are those of the layer's core, which outlives the module.
class ThresholdingModule : public kernel::Stage {
 public:
  struct Params {
    int lanes = 1;
    int bits = 1;  ///< of a code
    const int64_t* images = nullptr;
    int64_t words_per_image = 1;
  };
  ThresholdingModule(const sc_core::sc_module_name& name, kernel::Stream& source,
                     kernel::Stream& sink, const Params& params, Mvtu& core);
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }

 private:
  kernel::StepStatus advance() override;
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }

  Params params_;
  Mvtu& core_;
  kernel::Pipeline pipeline_;
  int64_t image_ = 0;
  int64_t word_ = 0;
  int row_ = 0;  // of the word's first lane
};

}  // namespace stuckat::dataflow
