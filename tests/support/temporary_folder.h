// A folder that goes away with the test, whole files as bytes, and damage done to them.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace stuckat::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "stuckat-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  /// Names of what the folder holds, sorted.
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::filesystem::path path_;
};

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A copy with one kind of damage: a few bytes changed (half the time near the front, where the
/// headers are), the end cut off, or bytes appended.
inline std::string damaged(std::string bytes, std::mt19937_64& random) {
  const auto below = [&](size_t n) { return n == 0 ? 0 : static_cast<size_t>(random() % n); };
  switch (below(8)) {
    case 0:
      bytes.resize(below(bytes.size()));
      return bytes;
    case 1:
      return bytes + std::string(1 + below(100), static_cast<char>(random()));
    default:
      break;
  }
  const size_t reach = below(2) == 0 ? std::min<size_t>(bytes.size(), 64) : bytes.size();
  const size_t count = 1 + below(4);
  for (size_t i = 0; i < count && reach > 0; ++i) {
    const bool flip = below(2) == 0;
    char& byte = bytes[below(reach)];
    byte = static_cast<char>(flip ? byte ^ (1 << below(8)) : static_cast<int>(random() & 0xff));
  }
  return bytes;
}

}  // namespace stuckat::test
