// Test programs that link SystemC. Run one elaborating test case per process, as ctest does:
// SystemC cannot elaborate twice.
#include <systemc>

#include "tests/support/runner.h"

int sc_main(int argc, char* argv[]) { return stuckat::test::run_tests(argc, argv); }
