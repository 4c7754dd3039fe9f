#include "models/systolic/accelerator.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "workloads/errors.h"

namespace stuckat::systolic {
namespace {

using Json = nlohmann::json;

constexpr int64_t max_file_bytes = int64_t{1} << 20;
constexpr size_t longest_name = 100;

/// One integer: its key, where it is kept, its range.
struct IntegerRow {
  const char* key;
  int64_t SystolicAccelerator::*member;
  int64_t least;
  int64_t greatest;

  std::string range() const {
    return "an integer from " + std::to_string(least) + " to " + std::to_string(greatest);
  }
};
constexpr IntegerRow integer_rows[] = {
    {"rows", &SystolicAccelerator::rows, 1, 256},
    {"columns", &SystolicAccelerator::columns, 1, 256},
    {"sum_bits", &SystolicAccelerator::sum_bits, 2, 32},
    {"accumulator_bits", &SystolicAccelerator::accumulator_bits, 2, 32},
    {"accumulator_depth", &SystolicAccelerator::accumulator_depth, 1, 65536},
};

struct MappingRow {
  const char* name;
  SystolicMapping mapping;
};
constexpr MappingRow mapping_rows[] = {{"channel", SystolicMapping::channel},
                                       {"im2col", SystolicMapping::im2col}};

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-' || c == ':';
}

std::string shown(const Json& value) {
  constexpr size_t longest = 40;
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

[[noreturn]] void throw_value(const std::string& where, const std::string& key, const Json& value,
                              const std::string& expected) {
  throw InputError(where, "'" + key + "' is " + shown(value), expected);
}

std::string text_of(const std::string& where, const std::string& key, const Json& value) {
  if (!value.is_string()) throw_value(where, key, value, "a string");
  return value.get<std::string>();
}

SystolicMapping parse_mapping(const std::string& name, const std::string& where) {
  std::vector<std::string> known;
  for (const MappingRow& row : mapping_rows) {
    if (name == row.name) return row.mapping;
    known.emplace_back(row.name);
  }
  throw_unknown_name(where, "mapping", name, known);
}

bool is_mapping(const std::string& name) {
  return std::any_of(std::begin(mapping_rows), std::end(mapping_rows),
                     [&](const MappingRow& row) { return name == row.name; });
}

/// "32x16" -> 32 and 16; false if the text does not have that form.
bool read_shape(std::string_view text, SystolicAccelerator& result) {
  const auto number = [](std::string_view digits, int64_t& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  const size_t x = text.find('x');
  return x != std::string_view::npos && number(text.substr(0, x), result.rows) &&
         number(text.substr(x + 1), result.columns);
}

std::string read_text(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw InputError(path, "cannot be read", "an array like 32x32, or a JSON file");
  }
  if (static_cast<int64_t>(std::filesystem::file_size(path, error)) > max_file_bytes || error) {
    throw InputError(path, "is too large", "at most 1 MiB of JSON");
  }
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.good() && !file.eof()) throw InputError(path, "cannot be read");
  return text;
}

}  // namespace

const char* name_of(SystolicMapping mapping) {
  for (const MappingRow& row : mapping_rows) {
    if (row.mapping == mapping) return row.name;
  }
  return "";
}

void validate(const SystolicAccelerator& accelerator) {
  const std::string where = "systolic:" + accelerator.name;
  for (const IntegerRow& row : integer_rows) {
    const int64_t value = accelerator.*(row.member);
    if (value < row.least || value > row.greatest) throw_value(where, row.key, value, row.range());
  }
  parse_schedule(accelerator.schedule, where);
}

SystolicAccelerator parse_systolic(std::string_view text) {
  constexpr std::string_view prefix = "systolic:";
  const std::string where(text);
  if (text.substr(0, prefix.size()) != prefix || text.size() == prefix.size()) {
    throw InputError(where, "not a systolic array", "systolic:32x32 or systolic:FILE.json");
  }
  const std::string rest(text.substr(prefix.size()));
  std::vector<std::string> parts = {""};
  for (const char c : rest) {
    if (c == ':')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  SystolicAccelerator result;
  if (!read_shape(parts.front(), result)) {
    std::string name = std::filesystem::path(rest).stem().string().substr(0, longest_name);
    std::replace_if(
        name.begin(), name.end(), [](char c) { return !is_plain(c); }, '_');
    return systolic_from_json(read_text(rest), rest, name.empty() ? "unnamed" : name);
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    if (is_mapping(parts[i]))
      result.mapping = parse_mapping(parts[i], where);
    else
      result.schedule = parse_schedule(parts[i], where).name;
  }
  result.name = rest;
  validate(result);
  return result;
}

SystolicAccelerator systolic_from_json(const std::string& json, const std::string& where,
                                       const std::string& default_name) {
  std::set<std::string> keys;
  const auto once = [&](int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth > 1) throw InputError(where, "nested too deeply", "one object of numbers and names");
    if (event == Json::parse_event_t::key && !keys.insert(parsed.get<std::string>()).second) {
      throw InputError(where, "repeated key '" + parsed.get<std::string>() + "'");
    }
    return true;
  };
  Json object;
  try {
    object = Json::parse(json, once);
  } catch (const Json::exception& error) {
    throw InputError(where, error.what(), "one JSON object");
  }
  if (!object.is_object()) throw InputError(where, "is " + shown(object), "one JSON object");
  for (const char* required : {"rows", "columns"}) {
    if (!object.contains(required)) {
      throw InputError(where, "key '" + std::string(required) + "' is missing", "rows and columns");
    }
  }
  SystolicAccelerator result;
  result.name = default_name;
  for (const auto& [key, value] : object.items()) {
    const auto* row = std::find_if(std::begin(integer_rows), std::end(integer_rows),
                                   [&, &k = key](const IntegerRow& r) { return k == r.key; });
    if (row != std::end(integer_rows)) {
      const bool in_range = value.is_number_unsigned() &&
                            value.get<uint64_t>() >= static_cast<uint64_t>(row->least) &&
                            value.get<uint64_t>() <= static_cast<uint64_t>(row->greatest);
      if (!in_range) throw_value(where, key, value, row->range());
      result.*(row->member) = value.get<int64_t>();
    } else if (key == "name") {
      result.name = text_of(where, key, value);
      const bool plain = std::all_of(result.name.begin(), result.name.end(), is_plain);
      if (result.name.empty() || result.name.size() > longest_name || !plain) {
        throw_value(where, key, value, "1 to 100 letters, digits, '.', '_', '-' or ':'");
      }
    } else if (key == "schedule") {
      result.schedule = parse_schedule(text_of(where, key, value), where).name;
    } else if (key == "mapping") {
      result.mapping = parse_mapping(text_of(where, key, value), where);
    } else {
      std::vector<std::string> known = {"name", "schedule", "mapping"};
      for (const IntegerRow& r : integer_rows) known.emplace_back(r.key);
      throw_unknown_name(where, "key", key, known);
    }
  }
  return result;
}

std::string to_json(const SystolicAccelerator& accelerator) {
  nlohmann::ordered_json object;
  object["name"] = accelerator.name;
  for (const IntegerRow& row : integer_rows) object[row.key] = accelerator.*(row.member);
  object["schedule"] = accelerator.schedule;
  object["mapping"] = name_of(accelerator.mapping);
  return object.dump(2) + "\n";
}

}  // namespace stuckat::systolic
