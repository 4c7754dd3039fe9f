// Real data that is not part of the repository: found through STUCKAT_DATA, skipped without it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/skip.h"

namespace stuckat::test {

/// Path of `relative` below STUCKAT_DATA, or "".
inline std::string find_shared_data(const std::string& relative) {
  const char* root = std::getenv("STUCKAT_DATA");
  if (root == nullptr) return {};
  const std::filesystem::path path = std::filesystem::path(root) / relative;
  return std::filesystem::exists(path) ? path.string() : "";
}

/// Path of `relative` below STUCKAT_DATA; without it the test case is skipped. What a test needs it
/// asks for before its first check, all of it before a loop.
inline std::string shared_data(const std::string& relative) {
  std::string path = find_shared_data(relative);
  if (path.empty()) skip("STUCKAT_DATA has no " + relative);
  return path;
}

}  // namespace stuckat::test
