#include "sim/campaign/disk.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "workloads/environment_error.h"

namespace stuckat::campaign {

void sync_folder(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  if (folder.empty()) folder = ".";
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

namespace {

bool no_locks(int error) {
  return error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP || error == EINVAL;
}

std::string this_host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "?";
}

struct Owner {
  std::string host;
  long process = 0;
};

Owner owner_in(const std::string& file) {
  Owner owner;
  std::ifstream(file) >> owner.host >> owner.process;
  return owner;
}

}  // namespace

std::string owner_path(const std::string& path) { return path + ".owner"; }

void lock_file(int descriptor, const std::string& path) {
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return;
  if (!no_locks(errno)) throw InputError(path, "is in use by another run", "one run at a time");
  // The file system has no locks (NFS and Lustre often have none). A file that only one process
  // can make says who is here; it stays when that is killed, and says whether that is known.
  const std::string file = owner_path(path);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const int owner = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (owner >= 0) {
      const std::string text = this_host() + " " + std::to_string(::getpid()) + "\n";
      const bool written =
          ::write(owner, text.data(), text.size()) == static_cast<ssize_t>(text.size());
      if (::close(owner) == 0 && written) return;
      ::unlink(file.c_str());
      throw EnvironmentError(path, "cannot be locked: " + file + " cannot be written",
                             "room on the disk");
    }
    const Owner there = owner_in(file);
    const bool gone = there.host == this_host() && there.process > 0 &&
                      ::kill(static_cast<pid_t>(there.process), 0) != 0 && errno == ESRCH;
    if (!gone) {
      throw InputError(path,
                       "may be in use by process " + std::to_string(there.process) + " of " +
                           (there.host.empty() ? "some host" : there.host) +
                           ": its file system has no locks",
                       "one run at a time (if that run is gone, remove " + file + ")");
    }
    ::unlink(file.c_str());
  }
  throw InputError(path, "is in use by another run", "one run at a time");
}

void unlock_file(const std::string& path) {
  const Owner there = owner_in(owner_path(path));
  if (there.host == this_host() && there.process == ::getpid()) {
    ::unlink(owner_path(path).c_str());
  }
}

}  // namespace stuckat::campaign
