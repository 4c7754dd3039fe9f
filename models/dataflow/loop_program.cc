#include "models/dataflow/loop_program.h"

#include <algorithm>

namespace stuckat::dataflow {
namespace {

template <typename OfPhase>
int64_t sum(const LoopProgram& program, OfPhase steps_of) {
  int64_t total = 0;
  for (const Block& block : program.blocks) {
    for (const Phase& phase : block.phases) total += block.repeat * steps_of(phase);
  }
  return total;
}

}  // namespace

int64_t LoopProgram::steps_per_image() const {
  return sum(*this, [](const Phase& phase) { return phase.steps * (phase.skip + 1); });
}

int64_t LoopProgram::words_read_per_image() const {
  return sum(*this, [](const Phase& phase) { return phase.reads ? phase.steps : 0; });
}

int64_t LoopProgram::words_written_per_image() const {
  return sum(*this, [](const Phase& phase) { return phase.writes ? phase.steps : 0; });
}

int64_t LoopProgram::cycles_per_image() const {
  if (!drains) return steps_per_image();
  // The last output leaves `latency` steps behind its own.
  int64_t behind_last = 0;
  const std::vector<Phase>& last = blocks.back().phases;
  for (auto phase = last.rbegin(); phase != last.rend() && !phase->writes; ++phase) {
    behind_last += phase->steps * (phase->skip + 1);
  }
  return steps_per_image() + std::max<int64_t>(0, latency_steps - behind_last);
}

}  // namespace stuckat::dataflow
