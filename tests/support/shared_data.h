// Real data that is not part of the repository: found through STUCKAT_DATA, skipped without it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

namespace stuckat::test {

/// Path of `relative` below STUCKAT_DATA, or "" after printing the line that makes ctest report
/// the test as skipped.
inline std::string shared_data(const std::string& relative) {
  const char* root = std::getenv("STUCKAT_DATA");
  if (root != nullptr) {
    const std::filesystem::path path = std::filesystem::path(root) / relative;
    if (std::filesystem::exists(path)) return path.string();
  }
  std::cout << "SKIPPED: STUCKAT_DATA has no " << relative << "\n";
  return {};
}

}  // namespace stuckat::test
