// Catch2 runner for programs that link SystemC. Run one elaborating test case per process, as
// ctest does: SystemC cannot elaborate twice.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <systemc>

int sc_main(int argc, char* argv[]) { return Catch::Session().run(argc, argv); }
