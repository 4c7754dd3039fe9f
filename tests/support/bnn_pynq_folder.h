// The published networks are kept as archives: unpacked for a test into its folder.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "tests/support/temporary_folder.h"

namespace stuckat::test {

/// Unpacks `archive` (.tar.xz) and returns the path of `inside` there.
inline std::string unpacked(const TemporaryFolder& folder, const std::string& archive,
                            const std::string& inside) {
  const std::string command = "tar -xJf '" + archive + "' -C '" + folder.path().string() + "'";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  return folder / inside;
}

}  // namespace stuckat::test
