// The one exception for bad input: files, options, names, numbers a user gave.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace stuckat {

/// Bad input. `main` prints what() as one line and exits with code 2.
/// Broken invariants of our own code are asserted instead.
class InputError : public std::runtime_error {
 public:
  /// where: the path, option or name that holds the input; what: what is wrong there;
  /// expected: what would have been right (may be empty).
  InputError(std::string_view where, std::string_view what, std::string_view expected = {});
};

/// The element of `known` that is nearest to `name` (edit distance), or "" if none is near.
std::string nearest_name(std::string_view name, const std::vector<std::string>& known);

/// "unknown KIND 'name', did you mean 'x'?", expected: the list. For throwing on a wrong name.
[[noreturn]] void throw_unknown_name(std::string_view where, std::string_view kind,
                                     std::string_view name, const std::vector<std::string>& known);

}  // namespace stuckat
