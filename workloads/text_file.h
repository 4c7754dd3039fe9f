// Files that take the place of older ones whole or not at all.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <span>
#include <string>

namespace stuckat {

/// A device, a pipe or a socket: it is written to and not replaced.
bool is_special_file(const std::string& path);

/// The file that a new one at `path` replaces: of a symbolic link, what it points to, whether that
/// is there or not. Throws InputError where links lead in a circle.
std::string target_of(const std::string& path);

/// A new file beside target_of(path), which takes its place when it is whole. The functions throw
/// InputError(path, ...), with the system's reason.
class ReplacingFile {
 public:
  explicit ReplacingFile(const std::string& path);
  ~ReplacingFile();  ///< without commit() nothing is left
  ReplacingFile(ReplacingFile&&) = delete;

  /// Writes all of the contents, brings them onto the disk, reads them back, and renames.
  void commit(std::span<const uint8_t> bytes);
  /// The file that a process of this number makes; suffix of its name.
  static std::string temporary_of(const std::string& path, int process);

 private:
  [[noreturn]] void fail(int error) const;
  bool holds(std::span<const uint8_t> bytes) const;

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
};

/// What `content` writes goes to a temporary name, which is then renamed; if it throws, or the
/// writing fails, nothing is left. Throws InputError if that fails.
void write_text_file(const std::string& path, const std::function<void(std::ostream&)>& content);

}  // namespace stuckat
