#include "workloads/idx_reader.h"

#include "workloads/compressed_file.h"
#include "workloads/errors.h"

namespace stuckat {

IdxArray read_idx(const std::string& path, int rank) {
  constexpr uint8_t unsigned_byte = 8;
  const std::vector<uint8_t> bytes = read_whole_file(path);
  const size_t header = 4 + 4 * static_cast<size_t>(rank);
  if (bytes.size() < header || bytes[0] != 0 || bytes[1] != 0 || bytes[2] != unsigned_byte ||
      bytes[3] != rank) {
    throw InputError(path, "is no IDX file of bytes with " + std::to_string(rank) + " dimensions",
                     "the bytes 0 0 8 " + std::to_string(rank) + " and the extents at its start");
  }
  IdxArray array;
  uint64_t product = 1;  // of at most three 32-bit extents, kept below 2^32 at each step
  for (size_t d = 0; d < static_cast<size_t>(rank); ++d) {
    const uint8_t* at = bytes.data() + 4 + 4 * d;
    const uint32_t extent =
        uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | uint32_t{at[3]};
    product *= extent;
    if (product > bytes.size()) break;
    array.extents.push_back(extent);
  }
  if (product != bytes.size() - header) {
    throw InputError(path, "holds " + std::to_string(bytes.size() - header) + " bytes",
                     "what its extents say");
  }
  array.values.assign(bytes.begin() + static_cast<std::ptrdiff_t>(header), bytes.end());
  return array;
}

}  // namespace stuckat
