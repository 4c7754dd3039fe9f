// Fields of descriptions in JSON. Throw InputError.
#pragma once

#include <cstdint>
#include <string>

#include "workloads/errors.h"
#include "workloads/json_file.h"

namespace stuckat::dataflow {

/// Ranges are checked by validate(); here only that sums of some of them fit.
inline int integer(const Json& value, const std::string& where, const std::string& key) {
  constexpr int64_t most = 1 << 24;
  return static_cast<int>(json_integer(value, 0, most, where, key));
}

inline void require_object(const Json& value, const std::string& where, const std::string& what) {
  if (!value.is_object()) {
    throw InputError(where, what + " is " + std::string(value.type_name()), "an object");
  }
}

}  // namespace stuckat::dataflow
