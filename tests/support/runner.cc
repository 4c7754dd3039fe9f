#define CATCH_CONFIG_RUNNER
#include "tests/support/runner.h"

#include <catch2/catch.hpp>

namespace stuckat::test {

int run_tests(int argc, char* argv[]) { return Catch::Session().run(argc, argv); }

}  // namespace stuckat::test
