// The `stuckat` command, with the built-in families.
#include <csignal>
#include <cstdlib>
#include <systemc>

#include "tools/stuckat/program.h"

// The SystemC library wants the program's work in sc_main(); main() only keeps it quiet.
int sc_main(int argc, char* argv[]) { return stuckat::cli::run_program({argv + 1, argv + argc}); }

int main(int argc, char* argv[]) {
  setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", 1);
  // A file that may grow no further is an error of the write, and told as one.
  std::signal(SIGXFSZ, SIG_IGN);
  return sc_core::sc_elab_and_sim(argc, argv);
}
