// The Catch2 runner, for the two ways to start a test program.
#pragma once

namespace stuckat::test {

/// 0, skip_exit_code, or 1 if a test failed, made no assertion, or does not exist (CMake splits
/// names at semicolons).
int run_tests(int argc, char* argv[]);

/// SKIP_RETURN_CODE of stuckat_test(): every test that ran was skipped. Catch2 2 knows no such
/// thing, and ends with the number of failures, that of version 3 among them.
inline constexpr int skip_exit_code = 77;

}  // namespace stuckat::test
