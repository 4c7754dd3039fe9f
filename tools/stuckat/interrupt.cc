#include "tools/stuckat/interrupt.h"

#include <csignal>

namespace stuckat::cli {
namespace {

volatile std::sig_atomic_t caught = 0;
void interrupt(int) { caught = 1; }

}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, interrupt);
  std::signal(SIGTERM, interrupt);
}

bool interrupted() { return caught != 0; }

}  // namespace stuckat::cli
