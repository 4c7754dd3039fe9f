// Descriptions of accelerators in JSON: integers as rows of a table, names, ranges. Throw
// InputError(where, "'key' is ...", what was expected).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/json_file.h"

namespace stuckat {

/// One integer of `Object`: its key, where it is kept, its range.
template <typename Object>
struct IntegerRow {
  const char* key;
  int64_t Object::*member;
  int64_t least;
  int64_t greatest;

  std::string range() const {
    return "an integer from " + std::to_string(least) + " to " + std::to_string(greatest);
  }
};

[[noreturn]] void throw_value(const std::string& where, const std::string& key, const Json& value,
                              const std::string& expected);

/// The object that a description is, with these keys in it.
Json read_description(const std::string& json, const std::string& where,
                      const std::vector<std::string>& required);
/// The text of a file that an accelerator's name ends with; `example` is another form of the name.
std::string read_description_file(const std::string& path, const std::string& example);
/// 1 to 100 letters, digits, '.', '_', '-' and characters of `also`.
std::string read_name(const Json& value, const std::string& where, std::string_view also = "");
/// A file's name as a name of an accelerator.
std::string name_of_file(const std::string& path);
bool read_boolean(const std::string& key, const Json& value, const std::string& where);
std::string read_string(const std::string& key, const Json& value, const std::string& where);
/// "32x64" -> 32 and 64, or false. What is too large for an array gives -1.
bool read_shape(std::string_view text, int64_t& first, int64_t& second);

template <typename Object>
void check_ranges(const std::vector<IntegerRow<Object>>& rows, const Object& object,
                  const std::string& where) {
  for (const auto& row : rows) {
    const int64_t value = object.*(row.member);
    if (value < row.least || value > row.greatest) throw_value(where, row.key, value, row.range());
  }
}

/// False if no row has the key.
template <typename Object>
bool read_integer(const std::vector<IntegerRow<Object>>& rows, const std::string& key,
                  const Json& value, const std::string& where, Object& object) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](auto& r) { return key == r.key; });
  if (row == rows.end()) return false;
  object.*(row->member) = json_integer(value, row->least, row->greatest, where, key);
  return true;
}

/// Of all rows, and others.
template <typename Object>
std::vector<std::string> keys_of(const std::vector<IntegerRow<Object>>& rows,
                                 std::vector<std::string> others = {}) {
  for (const auto& row : rows) others.emplace_back(row.key);
  return others;
}

}  // namespace stuckat
