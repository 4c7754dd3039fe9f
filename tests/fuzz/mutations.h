// Files with something wrong in them. All draws from the generator that is passed in.
#pragma once

#include <hdf5.h>

#include <algorithm>
#include <cctype>
#include <random>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace stuckat::test {

/// A value, a key or a bracket of JSON text changed to what a reader may not expect.
inline std::string changed_json(std::string text, std::mt19937_64& random) {
  const auto below = [&](size_t n) {
    return static_cast<size_t>(random() % std::max<size_t>(n, 1));
  };
  static const std::vector<std::string> values = {"0",
                                                  "-1",
                                                  "1",
                                                  "1e308",
                                                  "-0.5",
                                                  "9223372036854775807",
                                                  "-9223372036854775808",
                                                  "18446744073709551615",
                                                  "2147483647",
                                                  "1e999",
                                                  "null",
                                                  "true",
                                                  "\"\"",
                                                  "\"x\"",
                                                  "[]",
                                                  "{}",
                                                  "[[1]]",
                                                  "{\"a\":1}",
                                                  std::string(70, '[') + std::string(70, ']'),
                                                  std::string(100'000, '['),
                                                  "\"" + std::string(3000, 'n') + "\""};
  // Tokens: numbers, and texts with their quotes.
  std::vector<std::pair<size_t, size_t>> tokens;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t start = i;
    if (text[i] == '"') {
      i = text.find('"', i + 1);
      if (i == std::string::npos) break;
      tokens.emplace_back(start, i + 1 - start);
    } else if (std::isdigit(static_cast<unsigned char>(text[i])) != 0 || text[i] == '-') {
      while (i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) != 0 ||
                                 text[i] == '.' || text[i] == '-')) {
        ++i;
      }
      tokens.emplace_back(start, i - start);
      --i;
    }
  }
  if (tokens.empty()) return text;
  const auto [at, length] = tokens[below(tokens.size())];
  switch (below(4)) {
    case 0:  // twice
      return text.substr(0, at + length) + "," + text.substr(at);
    case 1:  // gone
      return text.erase(at, length);
    default:
      return text.replace(at, length, values[below(values.size())]);
  }
}

/// Data sets and attributes of a file changed by the library itself, so that its checksums are
/// right; sometimes without our own hash, as files of an earlier version are.
inline void change_hdf5(const std::string& path, std::mt19937_64& random) {
  struct Change {
    std::mt19937_64& random;
    hid_t file;
  } change{random, H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)};
  if (change.file < 0) return;
  const auto visit = [](hid_t, const char* name, const H5O_info_t* info, void* data) -> herr_t {
    auto& c = *static_cast<Change*>(data);
    if (info->type != H5O_TYPE_DATASET || c.random() % 6 != 0) return 0;
    const hid_t id = H5Dopen2(c.file, name, H5P_DEFAULT);
    const hid_t space = H5Dget_space(id);
    const hid_t type = H5Dget_type(id);
    const auto count =
        static_cast<size_t>(std::max<hssize_t>(0, H5Sget_simple_extent_npoints(space)));
    const bool numbers = H5Tget_class(type) == H5T_INTEGER;
    if (numbers && count > 0 && count < (1 << 20)) {
      std::vector<int64_t> values(count);
      H5Dread(id, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
      static const int64_t extremes[] = {0, -1, 1, INT32_MAX, INT32_MIN, 1000, -1000, 1 << 20};
      values[c.random() % count] = extremes[c.random() % 8];
      H5Dwrite(id, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    }
    H5Tclose(type);
    H5Sclose(space);
    H5Dclose(id);
    return 0;
  };
  H5Ovisit2(change.file, H5_INDEX_NAME, H5_ITER_INC, visit, &change, H5O_INFO_BASIC);
  if (random() % 4 != 0 && H5Aexists(change.file, "everything_hash") > 0) {
    H5Adelete(change.file, "everything_hash");
    const hid_t id = H5Aopen(change.file, "schema_version", H5P_DEFAULT);
    int64_t version = 0;
    H5Aread(id, H5T_NATIVE_INT64, &version);
    --version;
    H5Awrite(id, H5T_NATIVE_INT64, &version);
    H5Aclose(id);
  }
  H5Fclose(change.file);
}

}  // namespace stuckat::test
