#include "sim/kernel/run.h"

namespace stuckat::kernel {

bool can_elaborate() { return sc_core::sc_get_status() == sc_core::SC_ELABORATION; }

std::string run_until_quiet(const std::vector<Stage*>& stages) {
  // Without clocks and timed events the kernel runs out of activity by itself.
  sc_core::sc_start();
  std::string deadlock;
  for (const Stage* stage : stages) {
    if (stage->progress() == Progress::done) continue;
    deadlock += (deadlock.empty() ? "" : "; ") + stage->explain();
  }
  return deadlock;
}

}  // namespace stuckat::kernel
