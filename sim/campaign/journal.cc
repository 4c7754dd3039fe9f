#include "sim/campaign/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "sim/campaign/disk.h"
#include "workloads/environment_error.h"
#include "workloads/hash.h"

namespace stuckat::campaign {
namespace {

constexpr std::string_view title = "stuckat campaign journal 1\n";
constexpr std::string_view record_mark = "REC1";
constexpr size_t prefix_bytes = 4 + 8 + 8;
constexpr size_t checksum_bytes = 64;
constexpr int64_t most_header_bytes = int64_t{1} << 20;

std::string lines(const Journal::Header& header) {
  std::string text(title);
  for (const auto& [key, value] : header) {
    assert(value.find('\n') == std::string::npos);
    text += key + " " + value + "\n";
  }
  return text;
}

std::string checksum_of(const std::string& header_checksum, int64_t unit,
                        std::span<const uint8_t> counts) {
  return Hasher().add(header_checksum).add(unit).add(counts).hex();
}

void put(std::string& bytes, int64_t value) {
  for (int i = 0; i < 8; ++i) {
    bytes += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i) & 0xff);
  }
}

int64_t get(const uint8_t* bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  return static_cast<int64_t>(value);
}

/// False at the end of the file, and where the disk fails: both end what can be resumed.
bool read_at(int descriptor, int64_t offset, void* bytes, size_t count) {
  auto* next = static_cast<char*>(bytes);
  while (count > 0) {
    const ssize_t n = ::pread(descriptor, next, count, offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    next += n;
    offset += n;
    count -= static_cast<size_t>(n);
  }
  return true;
}

int64_t size_of(int descriptor) {
  struct stat status = {};
  return ::fstat(descriptor, &status) == 0 ? static_cast<int64_t>(status.st_size) : 0;
}

}  // namespace

Journal::Journal(const std::string& path, const Header& header,
                 const std::vector<std::string>& taken_over)
    : path_(path) {
  while (true) {
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) {
      throw_system_error(path, "cannot be written", errno, "a folder that can be written");
    }
    try {
      lock_file(descriptor_, path);
    } catch (...) {
      ::close(descriptor_);
      throw;
    }
    // The run that had it may have finished and removed it since we opened it.
    struct stat status = {};
    if (::fstat(descriptor_, &status) == 0 && status.st_nlink > 0) break;
    ::close(descriptor_);
    unlock_file(path);
  }
  locked_ = true;
  try {
    read_header();
    if (!existed_) {
      if (!torn_off(header)) throw damaged();
      start(header);
      return;
    }
    if (header.size() != header_.size()) {
      throw InputError(path, "is a journal with other properties", "one of this version");
    }
    for (size_t i = 0; i < header.size(); ++i) {
      const auto& [key, wanted] = header[i];
      const auto& [found_key, found] = header_[i];
      const bool free = std::find(taken_over.begin(), taken_over.end(), key) != taken_over.end();
      if (found_key != key || (found != wanted && !free)) {
        throw InputError(path, "is of another campaign: " + found_key + " '" + found + "'",
                         key + " '" + wanted + "' (or remove it to start again)");
      }
    }
  } catch (...) {
    ::close(descriptor_);
    unlock_file(path);
    throw;
  }
}

InputError Journal::damaged() const {
  return {path_, "is damaged", "a whole journal (or move it away to start again)"};
}

/// Whether the file holds no more than the beginning of a header with those keys: a kill tore it
/// off before anything was counted.
bool Journal::torn_off(const Header& header) const {
  const auto size = static_cast<size_t>(std::min(size_of(descriptor_), most_header_bytes));
  std::string text(size, '\0');
  if (!read_at(descriptor_, 0, text.data(), size)) return false;
  if (size < title.size()) return title.starts_with(text);
  std::string_view rest = std::string_view(text).substr(title.size());
  for (const auto& [key, value] : header) {
    const std::string start = key + " ";
    const bool begins = rest.starts_with(start) || start.starts_with(rest);
    const size_t line_end = rest.find('\n');
    if (!begins || line_end == std::string_view::npos) return begins;
    rest.remove_prefix(line_end + 1);
  }
  // A whole line without its end is torn off; what is longer has lost that end to damage.
  constexpr std::string_view last = "checksum ";
  return rest.size() <= last.size() + checksum_bytes && rest.find('\n') == std::string_view::npos &&
         (rest.starts_with(last) || last.starts_with(rest));
}

Journal::Journal(const std::string& path) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

Journal::Header Journal::header_of(const std::string& path) {
  Journal journal(path);
  if (journal.descriptor_ >= 0) journal.read_header();
  if (!journal.existed_) {
    throw InputError(path, "nothing to resume: no journal there", "a run that did not finish");
  }
  return journal.header_;
}

Journal::~Journal() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (locked_) unlock_file(path_);
}

const std::string& Journal::value(const std::string& key) const {
  const auto line = std::find_if(header_.begin(), header_.end(),
                                 [&](const auto& entry) { return entry.first == key; });
  assert(line != header_.end());
  return line->second;
}

void Journal::start(const Header& header) {
  if (::ftruncate(descriptor_, 0) != 0) fail(errno);
  header_ = header;
  const std::string text = lines(header);
  checksum_ = Hasher().add(text).hex();
  end_ = 0;
  write_at_end(text + "checksum " + checksum_ + "\n");
  sync_folder(path_);
}

/// Leaves existed_ false if there is no header, or the beginning of one that a kill tore off.
void Journal::read_header() {
  const auto size = static_cast<size_t>(std::min(size_of(descriptor_), most_header_bytes));
  std::string text(size, '\0');
  if (!read_at(descriptor_, 0, text.data(), size)) text.clear();
  const std::string_view start_of_text = std::string_view(text).substr(0, title.size());
  if (start_of_text != title.substr(0, start_of_text.size())) {
    throw InputError(path_, "is no journal of a campaign", "a journal, or no such file");
  }
  size_t next = title.size();
  while (next < text.size()) {
    const size_t line_end = text.find('\n', next);
    if (line_end == std::string::npos) break;
    const std::string line = text.substr(next, line_end - next);
    const size_t blank = std::min(line.find(' '), line.size());
    std::string key = line.substr(0, blank);
    std::string value = blank < line.size() ? line.substr(blank + 1) : "";
    if (key == "checksum") {
      if (value != Hasher().add(text.substr(0, next)).hex()) {
        throw damaged();
      }
      checksum_ = value;
      end_ = static_cast<int64_t>(line_end) + 1;
      existed_ = true;
      return;
    }
    header_.emplace_back(std::move(key), std::move(value));
    next = line_end + 1;
  }
  if (static_cast<int64_t>(size) == most_header_bytes) {
    throw damaged();
  }
  header_.clear();
}

int64_t Journal::replay(const std::function<bool(int64_t, std::span<const uint8_t>)>& use) {
  const int64_t size = size_of(descriptor_);
  std::vector<uint8_t> bytes;
  while (true) {
    uint8_t prefix[prefix_bytes];
    if (!read_at(descriptor_, end_, prefix, prefix_bytes)) break;
    if (std::memcmp(prefix, record_mark.data(), record_mark.size()) != 0) break;
    const int64_t unit = get(prefix + 4);
    const int64_t length = get(prefix + 12);
    const int64_t rest = size - end_ - static_cast<int64_t>(prefix_bytes + checksum_bytes);
    if (length < 0 || length > rest) break;
    bytes.resize(static_cast<size_t>(length) + checksum_bytes);
    if (!read_at(descriptor_, end_ + static_cast<int64_t>(prefix_bytes), bytes.data(),
                 bytes.size())) {
      break;
    }
    const std::span counts = std::span<const uint8_t>(bytes).first(static_cast<size_t>(length));
    const std::string checksum = checksum_of(checksum_, unit, counts);
    if (std::memcmp(checksum.data(), bytes.data() + length, checksum_bytes) != 0) break;
    if (!use(unit, counts)) break;
    end_ += static_cast<int64_t>(prefix_bytes + bytes.size());
  }
  if (size > end_ && ::ftruncate(descriptor_, end_) != 0) fail(errno);
  return size - end_;
}

void Journal::append(int64_t unit, std::span<const uint8_t> counts) {
  std::string bytes(record_mark);
  put(bytes, unit);
  put(bytes, static_cast<int64_t>(counts.size()));
  bytes.append(counts.begin(), counts.end());
  bytes += checksum_of(checksum_, unit, counts);
  write_at_end(bytes);
}

void Journal::write_at_end(const std::string& bytes) {
  size_t done = 0;
  int error = 0;
  while (done < bytes.size() && error == 0) {
    const ssize_t n = ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done,
                               end_ + static_cast<int64_t>(done));
    if (n > 0) {
      done += static_cast<size_t>(n);
    } else if (n == 0) {
      error = ENOSPC;
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (error == 0 && ::fsync(descriptor_) != 0) error = errno;
  if (error != 0) {
    // Whether this works or not, the checksum tells the rest of the record from a whole one.
    const int ignored = ::ftruncate(descriptor_, end_);
    static_cast<void>(ignored);
    failed_ = true;
    fail(error);
  }
  end_ += static_cast<int64_t>(bytes.size());
}

void Journal::remove() {
  sync_folder(path_);  // the result's name first
  ::unlink(path_.c_str());
  sync_folder(path_);
}

void Journal::fail(int error) const {
  throw_system_error(path_, "cannot be written", error,
                     "room on the disk; what was done is kept and can be resumed");
}

}  // namespace stuckat::campaign
