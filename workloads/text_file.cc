#include "workloads/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "workloads/environment_error.h"

namespace stuckat {
namespace {

namespace fs = std::filesystem;

}  // namespace

bool is_special_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_other(fs::status(path, ignored));
}

std::string target_of(const std::string& path) {
  constexpr int most_links = 40;  // as Linux has it
  fs::path target = path;
  std::error_code error;
  for (int i = 0; i < most_links; ++i) {
    if (!fs::is_symlink(fs::symlink_status(target, error))) return target.string();
    const fs::path next = fs::read_symlink(target, error);
    if (error) break;
    target = next.is_absolute() ? next : target.parent_path() / next;
  }
  throw InputError(path, "is a link that leads nowhere", "the name of a file");
}

std::string ReplacingFile::temporary_of(const std::string& path, int process) {
  return target_of(path) + ".partial-" + std::to_string(process);
}

ReplacingFile::ReplacingFile(const std::string& path)
    : path_(path), temporary_(temporary_of(path, ::getpid())) {
  if (is_special_file(path)) {
    throw InputError(path, "is no regular file", "the name of a file");  // it would be replaced
  }
  descriptor_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    throw_system_error(path, "cannot be created", errno,
                       "a file name in a folder that can be written");
  }
}

ReplacingFile::~ReplacingFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void ReplacingFile::commit(std::span<const uint8_t> bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(n < 0 ? errno : ENOSPC);
    done += static_cast<size_t>(n);
  }
  // Some file systems have no fsync, and say so by EINVAL.
  if (::fsync(descriptor_) != 0 && errno != EINVAL) fail(errno);
  if (!holds(bytes)) {
    throw EnvironmentError(path_, "cannot be written: what is read back is something else",
                           "a disk that keeps what is written");
  }
  const int descriptor = std::exchange(descriptor_, -1);
  std::error_code error;
  if (::close(descriptor) != 0) error.assign(errno, std::generic_category());
  if (!error) fs::rename(temporary_, target_of(path_), error);
  if (!error) return;
  ::unlink(temporary_.c_str());
  throw_system_error(path_, "cannot be written", error.value(), "a file name that can be written");
}

bool ReplacingFile::holds(std::span<const uint8_t> bytes) const {
  std::vector<uint8_t> block(1 << 20);
  size_t done = 0;
  while (true) {
    const ssize_t n = ::pread(descriptor_, block.data(), block.size(), static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0 && done == bytes.size();
    const auto count = static_cast<size_t>(n);
    if (count > bytes.size() - done || std::memcmp(block.data(), bytes.data() + done, count) != 0) {
      return false;
    }
    done += count;
  }
}

void ReplacingFile::fail(int error) const {
  throw_system_error(path_, "cannot be written", error, "room on the disk");
}

void write_text_file(const std::string& path, const std::function<void(std::ostream&)>& content) {
  const bool special = is_special_file(path);
  const std::string temporary = special ? path : ReplacingFile::temporary_of(path, ::getpid());
  errno = 0;
  std::ofstream out(temporary, std::ios::binary);
  try {
    content(out);
    out.close();
    if (!out) {
      throw_system_error(path, "cannot be written", errno != 0 ? errno : EIO,
                         "a writable folder with space left");
    }
    if (special) return;
    std::error_code error;
    fs::rename(temporary, target_of(path), error);
    if (error) throw InputError(path, "cannot be replaced: " + error.message());
  } catch (...) {
    std::error_code ignored;
    if (!special) fs::remove(temporary, ignored);
    throw;
  }
}

}  // namespace stuckat
