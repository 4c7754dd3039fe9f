// NumPy's .npz archives as numpy.savez writes them: stored, not compressed.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "workloads/compressed_file.h"
#include "workloads/npy_reader.h"

namespace stuckat::test {

inline uint64_t little(std::span<const uint8_t> bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t{bytes[at + i]} << (8 * i);
  return value;
}

inline std::map<std::string, NpyArray> read_npz(const std::string& path) {
  const std::vector<uint8_t> file = read_plain_file(path);
  const std::span<const uint8_t> bytes(file);
  size_t end = file.size() - 22;  // the record of the directory, without a comment
  while (little(bytes, end, 4) != 0x06054b50) --end;
  size_t at = little(bytes, end + 16, 4);
  std::map<std::string, NpyArray> arrays;
  for (uint64_t left = little(bytes, end + 10, 2); left > 0; --left) {
    const size_t size = little(bytes, at + 20, 4);
    const size_t name_size = little(bytes, at + 28, 2);
    const std::string name(file.begin() + static_cast<std::ptrdiff_t>(at + 46),
                           file.begin() + static_cast<std::ptrdiff_t>(at + 46 + name_size));
    const size_t local = little(bytes, at + 42, 4);
    const size_t data = local + 30 + little(bytes, local + 26, 2) + little(bytes, local + 28, 2);
    arrays[name] = parse_npy(bytes.subspan(data, size), path + ": " + name);
    at += 46 + name_size + little(bytes, at + 30, 2) + little(bytes, at + 32, 2);
  }
  return arrays;
}

}  // namespace stuckat::test
