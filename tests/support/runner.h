// The Catch2 runner, for the two ways to start a test program.
#pragma once

namespace stuckat::test {

int run_tests(int argc, char* argv[]);

}  // namespace stuckat::test
