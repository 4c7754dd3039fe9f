// The process that does not touch the library: starts the one that does, and checks what it says.
#include "workloads/hdf5_content.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "workloads/errors.h"
#include "workloads/hash.h"
#include "workloads/sanitized.h"

namespace stuckat::hdf5 {
namespace {

/// The other process broke off: the library crashed, or ran into a limit.
struct BrokenOff {};

constexpr const char* intact = "an intact HDF5 file";

/// Records as they come out of the pipe. Trusts no length that it is told.
class Records {
 public:
  explicit Records(int descriptor) : descriptor_(descriptor), buffer_(1 << 16) {}

  uint8_t byte() {
    uint8_t value = 0;
    take(&value, 1);
    return value;
  }
  int64_t integer() {
    int64_t value = 0;
    take(&value, sizeof value);
    return value;
  }
  /// Length and elements; memory is taken as they arrive.
  template <class Container>
  Container bytes() {
    const int64_t length = integer();
    if (length < 0 || length > most_bytes || (total_ += length) > 2 * most_bytes) throw BrokenOff();
    Container result;
    constexpr int64_t at_once = 1 << 20;
    for (int64_t done = 0; done < length;) {
      const int64_t next = std::min(at_once, length - done);
      result.resize(static_cast<size_t>(done + next));
      take(result.data() + done, static_cast<size_t>(next));
      done += next;
    }
    return result;
  }
  std::string text() { return bytes<std::string>(); }

  Value value() {
    Value v;
    v.type = text();
    const int64_t rank = integer();
    if (rank < 0 || rank > 32) throw BrokenOff();
    for (int64_t i = 0; i < rank; ++i) v.dimensions.push_back(integer());
    v.problem = text();
    v.expected = text();
    const int64_t texts = integer();
    if (texts < 0 || texts > most_bytes) throw BrokenOff();
    for (int64_t i = 0; i < texts; ++i) v.texts.push_back(text());
    v.bytes = bytes<std::vector<uint8_t>>();
    return v;
  }

 private:
  void take(void* into, size_t count) {
    auto* to = static_cast<char*>(into);
    while (count > 0) {
      if (next_ == end_) fill();
      const size_t n = std::min(count, end_ - next_);
      std::memcpy(to, buffer_.data() + next_, n);
      next_ += n;
      to += n;
      count -= n;
    }
  }
  void fill() {
    ssize_t n = 0;
    do {
      n = ::read(descriptor_, buffer_.data(), buffer_.size());
    } while (n < 0 && errno == EINTR);
    if (n <= 0) throw BrokenOff();
    next_ = 0;
    end_ = static_cast<size_t>(n);
  }

  int descriptor_;
  std::vector<char> buffer_;
  size_t next_ = 0;
  size_t end_ = 0;
  int64_t total_ = 0;
};

/// Sizes are those that the data set must have to be what it says.
bool consistent(const Value& value) {
  if (!value.problem.empty()) return value.bytes.empty() && value.texts.empty();
  const int64_t count = value.elements();
  if (value.type == "text") {
    return value.bytes.empty() && static_cast<int64_t>(value.texts.size()) == count;
  }
  return value.texts.empty() &&
         (count == 0 ? value.bytes.empty() : value.bytes.size() % static_cast<size_t>(count) == 0);
}

Content receive(int descriptor, const std::string& path) {
  Records records(descriptor);
  Content content;
  while (true) {
    const auto kind = static_cast<Record>(records.byte());
    if (kind == Record::end) return content;
    if (kind == Record::refusal) {
      const std::string what = records.text();
      throw InputError(path, what, records.text());
    }
    const std::string object = records.text();
    if (kind == Record::group) {
      content.objects.insert(object);
      continue;
    }
    if (kind != Record::dataset && kind != Record::attribute) throw BrokenOff();
    const bool dataset = kind == Record::dataset;
    if (dataset) content.objects.insert(object);
    const std::string key = dataset ? dataset_key(object) : attribute_key(object, records.text());
    Value value = records.value();
    if (!consistent(value)) throw BrokenOff();
    content.values[key] = std::move(value);
  }
}

/// The superblock says by which format the metadata is written; version 2 and later have
/// checksums. From version 3 on it also says whether a program has the file open for writing.
void check_superblock(const std::string& path) {
  constexpr std::array<char, 8> signature = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
  constexpr char first_with_checksums = 2;
  constexpr char first_with_flags = 3;
  constexpr size_t version_at = 8, flags_at = 11;
  std::array<char, 12> start{};
  std::ifstream(path, std::ios::binary).read(start.data(), start.size());
  if (!std::equal(signature.begin(), signature.end(), start.begin())) {
    throw InputError(path, "is no HDF5 file", "one");
  }
  if (start[version_at] < first_with_checksums) {
    throw InputError(path, "is in the HDF5 format without checksums",
                     "the one of HDF5 1.10 (h5py: libver='latest')");
  }
  if (start[version_at] == first_with_flags && (start[flags_at] & 5) != 0) {
    throw InputError(path, "is open for writing in another program, or was when that was killed",
                     "a file that was closed ('h5clear -s FILE' marks it so)");
  }
}

/// Bytes of memory that this process has for its data, as RLIMIT_DATA counts them.
rlim_t data_bytes() {
  std::ifstream statm("/proc/self/statm");
  rlim_t field = 0;
  for (int i = 0; i < 6; ++i) statm >> field;  // size resident shared text lib data
  return statm ? field * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) : RLIM_INFINITY / 2;
}

/// What a file of that size can need at most; the library and its caches have the constant.
void limit_resources(int64_t file_bytes, rlim_t data_now) {
  const auto limit = [](int resource, rlim_t value) {
    rlimit old{};
    if (::getrlimit(static_cast<__rlimit_resource>(resource), &old) != 0) return;
    old.rlim_cur = std::min(value, old.rlim_max);
    ::setrlimit(static_cast<__rlimit_resource>(resource), &old);
  };
  constexpr int64_t library_bytes = int64_t{512} << 20;
  constexpr int64_t library_seconds = 5, bytes_in_a_second = 1 << 20;
  const int64_t contents = std::min(most_bytes, 1100 * file_bytes);
  limit(RLIMIT_DATA, data_now + static_cast<rlim_t>(library_bytes + 3 * contents));
  limit(RLIMIT_CPU, static_cast<rlim_t>(library_seconds + file_bytes / bytes_in_a_second));
  limit(RLIMIT_CORE, 0);
}

class ChildProcess {
 public:
  ChildProcess(const std::string& path, int64_t file_bytes) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail(path);
    const rlim_t data_now = data_bytes();
    process_ = ::fork();
    if (process_ < 0) {
      ::close(ends[0]);
      ::close(ends[1]);
      fail(path);
    }
    if (process_ == 0) {
      // What a crash prints is for nobody. A reader that is gone ends this process as well.
      for (const int s :
           {SIGPIPE, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGINT, SIGTERM}) {
        ::signal(s, SIG_DFL);
      }
      const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
      if (null >= 0) ::dup2(null, STDERR_FILENO);
      limit_resources(file_bytes, data_now);
      send_content(path, file_bytes, ends[1]);
      ::_exit(0);
    }
    ::close(ends[1]);
    descriptor_ = ends[0];
  }
  ~ChildProcess() {
    ::close(descriptor_);
    ::kill(process_, SIGKILL);  // it has ended, or nobody listens any more
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  int descriptor() const { return descriptor_; }

  [[noreturn]] static void fail(const std::string& path) {
    throw InputError(
        path, std::string("cannot be read: no process for it (") + std::strerror(errno) + ")",
        "room for one more");
  }

 private:
  pid_t process_ = -1;
  int descriptor_ = -1;
};

/// With AddressSanitizer a thread may hold the lock of its allocator while another one forks, and
/// the child then waits for it for ever (the C library's own allocator is ready for that).
bool may_fork() {
  if (!sanitized) return true;
  const std::filesystem::directory_iterator threads("/proc/self/task");
  return std::distance(begin(threads), end(threads)) == 1;
}

/// A thread that sends what a child would.
class SenderThread {
 public:
  SenderThread(const std::string& path, int64_t file_bytes) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) ChildProcess::fail(path);
    descriptor_ = ends[0];
    thread_ = std::thread([path, file_bytes, out = ends[1]] {
      send_content(path, file_bytes, out);
      ::close(out);
    });
  }
  ~SenderThread() {
    std::array<char, 4096> rest;  // it ends this process if nobody listens
    while (::read(descriptor_, rest.data(), rest.size()) > 0) {
    }
    thread_.join();
    ::close(descriptor_);
  }
  SenderThread(const SenderThread&) = delete;
  SenderThread& operator=(const SenderThread&) = delete;

  int descriptor() const { return descriptor_; }

 private:
  std::thread thread_;
  int descriptor_ = -1;
};

std::vector<uint8_t> little_endian(const uint8_t* bytes, size_t count, size_t width) {
  std::vector<uint8_t> result(bytes, bytes + count);
  if constexpr (std::endian::native == std::endian::big) {
    for (size_t i = 0; i + width <= count; i += width) {
      std::reverse(result.begin() + static_cast<std::ptrdiff_t>(i),
                   result.begin() + static_cast<std::ptrdiff_t>(i + width));
    }
  }
  return result;
}

Hasher start(std::string_view type, const std::vector<int64_t>& dimensions) {
  Hasher hasher;
  hasher.add(type).add(std::span<const int64_t>(dimensions));
  return hasher;
}

}  // namespace

int64_t Value::elements() const {
  int64_t product = 1;
  for (const int64_t d : dimensions) {
    if (d < 0) return most_bytes + 1;
    if (d != 0 && product > most_bytes / d) return most_bytes + 1;
    product *= d;
  }
  return product;
}

std::string dataset_key(const std::string& path) { return "'" + path + "'"; }

std::string attribute_key(const std::string& object, const std::string& name) {
  return "attribute '" + name + "' of '" + object + "'";
}

Content read(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) throw InputError(path, "cannot be read (" + error.message() + ")", "an HDF5 file");
  check_superblock(path);
  try {
    if (!may_fork()) {
      const SenderThread sender(path, static_cast<int64_t>(size));
      return receive(sender.descriptor(), path);
    }
    const ChildProcess child(path, static_cast<int64_t>(size));
    return receive(child.descriptor(), path);
  } catch (const BrokenOff&) {
    throw InputError(path, "is damaged: the HDF5 library cannot read it", intact);
  }
}

std::string digest(std::string_view type, const std::vector<int64_t>& dimensions,
                   const uint8_t* bytes, size_t count) {
  Hasher hasher = start(type, dimensions);
  if constexpr (std::endian::native == std::endian::little) {
    return hasher.add(std::span<const uint8_t>(bytes, count)).hex();
  }
  Value shape{std::string(type), dimensions, {}, {}, "", ""};
  const auto elements = static_cast<size_t>(std::max<int64_t>(1, shape.elements()));
  const auto ordered = little_endian(bytes, count, count / elements);
  return hasher.add(std::span<const uint8_t>(ordered)).hex();
}

std::string digest(const std::vector<int64_t>& dimensions, const std::vector<std::string>& texts) {
  Hasher hasher = start("text", dimensions);
  for (const std::string& text : texts) hasher.add(text);
  return hasher.hex();
}

std::string digest(const Value& value) {
  if (value.type == "text") return digest(value.dimensions, value.texts);
  return digest(value.type, value.dimensions, value.bytes.data(), value.bytes.size());
}

}  // namespace stuckat::hdf5
