// Whole files as bytes, with gzip and xz undone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stuckat {

constexpr size_t most_plain_bytes = size_t{1} << 30;

/// The contents of `path` as they are. Throws InputError if it cannot be read or holds more bytes
/// than that.
std::vector<uint8_t> read_plain_file(const std::string& path, size_t most = most_plain_bytes);

/// The contents of `path`; gzip and xz are recognised by their first bytes, whatever the name is.
/// Throws InputError if it cannot be read, is damaged, or holds more than 1 GiB.
std::vector<uint8_t> read_whole_file(const std::string& path);

/// Whether those bytes are one zlib stream (RFC 1950) whose checksum is right.
bool is_intact_zlib(std::span<const uint8_t> bytes);

/// The first of `folder`/`name`, `name`.gz, `name`.xz that exists, or "".
std::string find_compressed(const std::string& folder, const std::string& name);

}  // namespace stuckat
