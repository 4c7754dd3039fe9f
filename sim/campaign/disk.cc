#include "sim/campaign/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "workloads/errors.h"

namespace stuckat::campaign {

void sync_folder(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

void require_room(const std::string& path, int64_t bytes) {
  // remove_partial_files() finds it by this name should we be killed here.
  const std::string probe = path + ".partial-" + std::to_string(::getpid()) + "-room";
  const int descriptor = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  int error = descriptor < 0 ? errno : 0;
  if (descriptor >= 0) {
    error = ::posix_fallocate(descriptor, 0, bytes);
    ::close(descriptor);
    ::unlink(probe.c_str());
  }
  if (error != 0) {
    throw InputError(path, std::string("cannot be written (") + std::strerror(error) + ")",
                     std::to_string(bytes) + " bytes of room on the disk");
  }
}

}  // namespace stuckat::campaign
