// The repository as files: what house tests read.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace stuckat::test {

inline const std::filesystem::path source_dir = STUCKAT_SOURCE_DIR;

inline std::string text_of(const std::string& file) {
  std::ifstream in(source_dir / file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// C++ files of a folder and below, from the root, sorted. Build trees are not below our folders.
inline std::vector<std::string> sources_below(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source_dir / folder)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".h" && extension != ".cc") continue;
    files.push_back(std::filesystem::relative(entry.path(), source_dir).generic_string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

struct Include {
  std::string file;  // that includes, from the root
  int line = 0;
  std::string target;
  bool angled = false;
};

inline std::vector<Include> includes_of(const std::string& file) {
  std::vector<Include> result;
  std::ifstream in(source_dir / file);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const size_t hash = line.find_first_not_of(" \t");
    if (hash == std::string::npos || line[hash] != '#') continue;
    const size_t word = line.find_first_not_of(" \t", hash + 1);
    if (word == std::string::npos || line.compare(word, 7, "include") != 0) continue;
    const size_t open = line.find_first_of("\"<", word);
    const size_t close = line.find_first_of("\">", open + 1);
    if (open == std::string::npos || close == std::string::npos) continue;
    result.push_back({file, number, line.substr(open + 1, close - open - 1), line[open] == '<'});
  }
  return result;
}

inline std::vector<Include> includes_below(const std::string& folder) {
  std::vector<Include> result;
  for (const std::string& file : sources_below(folder)) {
    const auto some = includes_of(file);
    result.insert(result.end(), some.begin(), some.end());
  }
  return result;
}

}  // namespace stuckat::test
