// How a test says that it cannot run here.
#pragma once

#include <string>

namespace stuckat::test {

/// Ends the test case: what it needs is not there. First thing in a test case: one that has checked
/// something already fails. Not within in_child(). runner.h says how ctest hears of it.
[[noreturn]] void skip(const std::string& reason);

}  // namespace stuckat::test
