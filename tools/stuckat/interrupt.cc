#include "tools/stuckat/interrupt.h"

#include <csignal>

namespace stuckat::cli {
namespace {

volatile std::sig_atomic_t caught = 0;  // which signal
void interrupt(int signal) { caught = signal; }

}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, interrupt);
  std::signal(SIGTERM, interrupt);
}

bool interrupted() { return caught != 0; }

int interrupted_exit_code() { return 128 + caught; }

}  // namespace stuckat::cli
