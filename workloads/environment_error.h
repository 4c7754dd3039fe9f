// What failed is the machine's, not the user's: a full disk, a file system that fails, no cluster.
#pragma once

#include <string_view>

#include "workloads/errors.h"

namespace stuckat {

/// `main` prints it as any InputError and exits with code 3: the same call works elsewhere, or
/// later.
class EnvironmentError : public InputError {
 public:
  using InputError::InputError;
};

/// Throws for an error number of the system: EnvironmentError where a disk, a device or a limit of
/// the machine is the reason, else InputError. "WHERE: WHAT (No space left on device), expected
/// ...".
[[noreturn]] void throw_system_error(std::string_view where, std::string_view what, int error,
                                     std::string_view expected);

}  // namespace stuckat
