// What a refused input is told.
#pragma once

#include <string>

#include "workloads/errors.h"

namespace stuckat::test {

/// The message of the InputError that `action` throws, "accepted" where it throws none.
template <typename Action>
std::string refusal(const Action& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace stuckat::test
