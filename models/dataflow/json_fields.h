// Fields of descriptions in JSON. Throw InputError.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "workloads/errors.h"

namespace stuckat::dataflow {

using Json = nlohmann::ordered_json;

inline int integer(const Json& value, const std::string& where, const std::string& key) {
  constexpr int64_t most = std::numeric_limits<int>::max();
  // Ranges are checked by validate(); here only that the number is one.
  const bool fits = value.is_number_unsigned()
                        ? value.get<uint64_t>() <= uint64_t{most}
                        : value.is_number_integer() && value.get<int64_t>() >= -most;
  if (!fits) {
    throw InputError(where, "'" + key + "' is " + value.dump().substr(0, 40), "an integer");
  }
  return value.get<int>();
}

inline void require_object(const Json& value, const std::string& where, const std::string& what) {
  if (!value.is_object()) {
    throw InputError(where, what + " is " + std::string(value.type_name()), "an object");
  }
}

}  // namespace stuckat::dataflow
