// What a checkpoint needs of the disk. Inside sim/campaign only.
#pragma once

#include <string>

namespace stuckat::campaign {

/// Makes creations, renames and removals in the folder of `path` permanent.
void sync_folder(const std::string& path);

/// Takes the open file `path` for this process alone, until it is closed and unlock_file() called.
/// Where the file system has no locks, a file owner_path() beside it stands for one. Throws
/// InputError(path, ...) if another process has it, or may have it.
void lock_file(int descriptor, const std::string& path);
void unlock_file(const std::string& path);
std::string owner_path(const std::string& path);

}  // namespace stuckat::campaign
