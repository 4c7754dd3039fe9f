#include "workloads/environment_error.h"

#include <cerrno>
#include <cstring>
#include <string>

namespace stuckat {

void throw_system_error(std::string_view where, std::string_view what, int error,
                        std::string_view expected) {
  const std::string told = std::string(what) + " (" + std::strerror(error) + ")";
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EIO:
    case EROFS:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ENXIO:
    case ESTALE:
    case EPIPE:
      throw EnvironmentError(where, told, expected);
    default:
      throw InputError(where, told, expected);
  }
}

}  // namespace stuckat
