// IDX files (the format of MNIST and Fashion-MNIST): big-endian extents, then bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stuckat {

struct IdxArray {
  std::vector<int64_t> extents;  ///< the last one is the fastest
  std::vector<uint8_t> values;   ///< [product of extents]
};

/// Reads an IDX file of bytes with `rank` dimensions, packed or not (compressed_file.h). The first
/// four bytes are 0, 0, 8 (unsigned byte) and the rank. Throws InputError unless the length is
/// exactly what the extents say.
IdxArray read_idx(const std::string& path, int rank);

}  // namespace stuckat
