// Both ends of an accelerator whose memory is behind a bus: words that arrived into the chain, and
// results out of it. The bus itself is device_module's.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "sim/kernel/stage.h"

namespace stuckat::cosim {

/// Memory to stream, as models/dataflow's reader, but no earlier than the words arrive in `buffer`:
/// one word per cycle.
class DmaReadModule : public kernel::Stage {
 public:
  DmaReadModule(const sc_core::sc_module_name& name, kernel::Stream& buffer, kernel::Stream& out,
                int latency_steps, int64_t words_per_image, const int64_t* images);
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }

 private:
  kernel::StepStatus advance() override;
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }

  int64_t words_per_image_;
  const int64_t* images_;  // of all runs so far
  kernel::Pipeline pipeline_;
  int64_t word_ = 0;  // of all runs
};

/// Stream to memory: the results of a run with the cycles in which they are complete.
class DmaWriteModule : public kernel::Stage {
 public:
  struct Result {
    int64_t cycle = 0;            ///< after that of its last word
    std::vector<uint64_t> words;  ///< [words_per_image][limbs]
  };
  DmaWriteModule(const sc_core::sc_module_name& name, kernel::Stream& in, int64_t words_per_image,
                 const int64_t* images);
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }

  std::deque<Result> results;  ///< whoever takes them pops them
  sc_core::sc_event arrived;

 private:
  kernel::StepStatus advance() override;
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }

  int64_t words_per_image_;
  const int64_t* images_;  // of all runs so far
  kernel::Pipeline pipeline_;
  int64_t image_ = 0;
  Result result_;
  int64_t word_ = 0;
};

}  // namespace stuckat::cosim
