#include "sim/kernel/run.h"

#include <set>

namespace stuckat::kernel {
namespace {

constexpr int most_words = 1 << 14;  // that a deadlock is tried to be resolved with

std::string waiting(const std::vector<Stage*>& stages) {
  std::string text;
  for (const Stage* stage : stages) {
    if (stage->status() == StepStatus::done) continue;
    text += (text.empty() ? "" : "; ") + stage->explain();
  }
  return text;
}

/// The full stream that a stage waits for, the shortest of them; null if none does.
Stream* shortest_full(const std::vector<Stage*>& stages) {
  Stream* shortest = nullptr;
  for (const Stage* stage : stages) {
    Stream* stream = stage->full_stream();
    if (stream == nullptr || stream->depth() == 0 ||
        (shortest != nullptr && shortest->depth() <= stream->depth()))
      continue;
    shortest = stream;
  }
  return shortest;
}

// Whenever nothing moves the shortest full stream gets one slot more, and the run goes on: bounded
// scheduling of process networks (T. M. Parks, "Bounded Scheduling of Process Networks", PhD
// thesis, Berkeley 1995, section 4.2). Words do not depend on depths, so that the run that follows
// is that of a design with these depths, and with one slot less it would stop as it just did.
std::string remedy(const std::vector<Stage*>& stages) {
  std::set<const Stream*> deepened;
  for (Stream* stream = shortest_full(stages); stream != nullptr; stream = shortest_full(stages)) {
    if (stream->depth() >= most_words) {
      return "no depth of " + std::string(stream->basename()) + " up to " +
             std::to_string(most_words) + " would do";
    }
    stream->deepen();
    deepened.insert(stream);
    sc_core::sc_start();
  }
  if (const std::string still = waiting(stages); !still.empty()) {
    return deepened.empty() ? "no depth would do" : "no depth would do: at any, " + still;
  }
  std::string depths;
  for (const Stream* stream : deepened) {
    depths += (depths.empty() ? "" : " and ") + std::to_string(stream->depth()) + " of " +
              stream->basename();
  }
  return "a depth of " + depths + " would do";
}

}  // namespace

bool can_elaborate() { return sc_core::sc_get_status() == sc_core::SC_ELABORATION; }

std::string run_until_quiet(const std::vector<Stage*>& stages) {
  // Without clocks and timed events the kernel runs out of activity by itself.
  sc_core::sc_start();
  const std::string deadlock = waiting(stages);
  return deadlock.empty() ? deadlock : deadlock + ": " + remedy(stages);
}

}  // namespace stuckat::kernel
