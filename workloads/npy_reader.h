// NumPy's .npy files: one array of one type (format versions 1.0 to 3.0, as NumPy documents them).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stuckat {

struct NpyArray {
  std::string type;  ///< as in the file, byte order left out: "i1", "u1", "i8", "f4", "b1"
  std::vector<int64_t> shape;  ///< empty: one number
  std::vector<uint8_t> bytes;  ///< little-endian, the last dimension the fastest

  int64_t size() const;  ///< elements
  /// Any type's values as integers. Throws InputError(where) for one that is none.
  std::vector<int64_t> integers(const std::string& where) const;
};

/// Throws InputError(path, ...) for a file that is damaged, holds objects, is in Fortran's order
/// or big-endian, or holds more or fewer bytes than its header says.
NpyArray read_npy(const std::string& path);
/// The same for bytes in memory; `where` is for messages.
NpyArray parse_npy(std::span<const uint8_t> bytes, const std::string& where);

}  // namespace stuckat
