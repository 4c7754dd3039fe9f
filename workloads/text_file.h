// Text files that take the place of older ones whole or not at all.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

namespace stuckat {

/// A device, a pipe or a socket: it is written to and not replaced.
bool is_special_file(const std::string& path);

/// What `content` writes goes to a temporary name, which is then renamed; if it throws, or the
/// writing fails, nothing is left. Throws InputError if that fails.
void write_text_file(const std::string& path, const std::function<void(std::ostream&)>& content);

}  // namespace stuckat
