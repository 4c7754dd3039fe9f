// When forks and joins of streams do what: a pipelined loop of one step for each word that is
// written. A fork writes it into all its streams in the same cycle, and waits for all of them; an
// add reads a word of each of its streams in one step; a concat reads the words of a pixel from one
// of them after the other.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/dataflow/junction.h"
#include "sim/kernel/stage.h"

namespace stuckat::dataflow {

class JunctionModule : public kernel::Stage {
 public:
  struct Params {
    int latency_steps = 1;
    kernel::Discipline discipline = kernel::Discipline::stalling;
    int64_t words_per_image = 1;      ///< that it writes
    std::vector<int> turns;           ///< [inputs] words of a pixel in turn; none: one word of each
    const int64_t* images = nullptr;  ///< of the run so far
  };
  JunctionModule(const sc_core::sc_module_name& name, std::vector<kernel::Stream*> ins,
                 std::vector<kernel::Stream*> outs, const Params& params,
                 std::unique_ptr<Junction> core);
  const kernel::StageCycles& cycles() const override { return pipeline_.cycles(); }
  Junction& core() { return *core_; }
  int64_t free_cycle() const override { return pipeline_.free_cycle(); }

 private:
  kernel::StepStatus advance() override;
  void idle_until(int64_t cycle) override { pipeline_.idle_until(cycle); }

  Params params_;
  std::unique_ptr<Junction> core_;
  kernel::Pipeline pipeline_;
  std::vector<kernel::StampedFifo*> fifos_;  // [inputs]
  int64_t image_ = 0;
  int64_t word_ = 0;  // of the image
  size_t turn_ = 0;   // the input that is read now, where they take turns
  int in_turn_ = 0;   // words of it
};

}  // namespace stuckat::dataflow
