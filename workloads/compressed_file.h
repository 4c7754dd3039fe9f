// Whole files as bytes, with gzip and xz undone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stuckat {

/// The contents of `path` as they are. Throws InputError if it cannot be read or holds more than
/// 1 GiB.
std::vector<uint8_t> read_plain_file(const std::string& path);

/// The contents of `path`; gzip and xz are recognised by their first bytes, whatever the name is.
/// Throws InputError if it cannot be read, is damaged, or holds more than 1 GiB.
std::vector<uint8_t> read_whole_file(const std::string& path);

/// The first of `folder`/`name`, `name`.gz, `name`.xz that exists, or "".
std::string find_compressed(const std::string& folder, const std::string& name);

}  // namespace stuckat
