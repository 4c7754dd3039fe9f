// What a checkpoint needs of the disk. Inside sim/campaign only.
#pragma once

#include <cstdint>
#include <string>

namespace stuckat::campaign {

/// Makes creations, renames and removals in the folder of `path` permanent.
void sync_folder(const std::string& path);

/// Throws InputError unless a file of `bytes` can be written next to `path` now. HDF5 1.10 cannot
/// be asked: where a flush fails for want of room, closing the file crashes inside the library.
void require_room(const std::string& path, int64_t bytes);

}  // namespace stuckat::campaign
