#if !__has_include(<catch2/catch_all.hpp>)
#define CATCH_CONFIG_RUNNER
#endif
#include "tests/support/runner.h"

#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "tests/support/catch.h"

#if CATCH_VERSION_MAJOR == 2
using ListenerBase = Catch::TestEventListenerBase;
constexpr auto no_test_warning = Catch::WarnAbout::NoTests;
#else
using ListenerBase = Catch::EventListenerBase;
constexpr auto no_test_warning = Catch::WarnAbout::UnmatchedTestSpec;
#endif

namespace stuckat::test {
namespace {

/// Of the test cases of this process.
struct Skips {
  int tests = 0;    // that ended
  int skipped = 0;  // of those
  bool late = false;
  uint64_t calls = 0;  // of skip() by the test case that runs: one for each of its sections
} skips;

/// Counts the tests that were skipped, and notes one that was after it had checked something.
struct SkipListener : ListenerBase {
  using ListenerBase::ListenerBase;

  void testCaseStarting(const Catch::TestCaseInfo&) override { skips.calls = 0; }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    ++skips.tests;
    if (skips.calls == 0) return;
    ++skips.skipped;
    const uint64_t own = CATCH_VERSION_MAJOR == 2 ? skips.calls : 0;  // skip()'s assertions
    if (stats.totals.assertions.passed == own) return;
    std::cout << "skipped after " << stats.totals.assertions.passed - own << " assertions\n";
    skips.late = true;
  }
};
CATCH_REGISTER_LISTENER(SkipListener)

}  // namespace

void skip(const std::string& reason) {
  ++skips.calls;
  std::cout << "SKIPPED: " << reason << std::endl;
#if CATCH_VERSION_MAJOR == 2
  SUCCEED("skipped");  // for --warn NoAssertions
  throw Catch::TestFailureException();
#else
  SKIP(reason);
  std::abort();  // never reached: version 3 does not say that SKIP throws
#endif
}

int run_tests(int argc, char* argv[]) {
  Catch::Session session;
  if (session.applyCommandLine(argc, argv) != 0) return 1;
  session.configData().warnings =
      static_cast<Catch::WarnAbout::What>(Catch::WarnAbout::NoAssertions | no_test_warning);
  const int code = session.run();
  // Version 3 ends with 4 if all were skipped, and with the number of failures if there are some.
  const bool all_skipped = skips.tests > 0 && skips.skipped == skips.tests;
  if (skips.late) return 1;
  if (all_skipped && (code == 0 || code == 4)) return skip_exit_code;
  return code == 0 ? 0 : 1;
}

}  // namespace stuckat::test
