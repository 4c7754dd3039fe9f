#include "models/dataflow/loop_program.h"

#include <algorithm>

namespace stuckat::dataflow {
namespace {

template <typename OfRun>
int64_t sum(const LoopProgram& program, OfRun of_run) {
  int64_t total = 0;
  for (const Block& block : program.blocks) {
    for (const Run& run : block.runs) total += block.repeat * of_run(run);
  }
  return total;
}

}  // namespace

int64_t LoopProgram::steps_per_image() const {
  return sum(*this, [](const Run& run) { return run.steps * (run.skip + 1); });
}

int64_t LoopProgram::words_read_per_image() const {
  return sum(*this, [](const Run& run) { return run.reads ? run.steps : 0; });
}

int64_t LoopProgram::words_written_per_image() const {
  return sum(*this, [](const Run& run) { return run.writes ? run.steps : 0; });
}

int64_t LoopProgram::cycles_per_image() const {
  if (!drains) return steps_per_image();
  // The last output leaves `latency` steps behind its own.
  int64_t behind_last = 0;
  const std::vector<Run>& last = blocks.back().runs;
  for (auto run = last.rbegin(); run != last.rend() && !run->writes; ++run) {
    behind_last += run->steps * (run->skip + 1);
  }
  return steps_per_image() + std::max<int64_t>(0, latency_steps - behind_last);
}

}  // namespace stuckat::dataflow
