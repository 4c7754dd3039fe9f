#include "models/common/json_rows.h"

#include <filesystem>

#include "workloads/errors.h"

namespace stuckat {
namespace {

constexpr size_t longest_name = 100;

bool is_plain(char c, std::string_view also) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-' || also.find(c) != std::string_view::npos;
}

}  // namespace

void throw_value(const std::string& where, const std::string& key, const Json& value,
                 const std::string& expected) {
  throw InputError(where, "'" + key + "' is " + shown(value), expected);
}

Json read_description(const std::string& json, const std::string& where,
                      const std::vector<std::string>& required) {
  Json object = parse_json(json, where, most_description_bytes);
  if (!object.is_object()) throw InputError(where, "is " + shown(object), "one JSON object");
  for (const std::string& key : required) {
    if (object.contains(key)) continue;
    std::string all;
    for (const std::string& other : required) all += (all.empty() ? "" : " and ") + other;
    throw InputError(where, "key '" + key + "' is missing", all);
  }
  return object;
}

std::string read_description_file(const std::string& path, const std::string& example) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    throw InputError(path, "cannot be read", "an accelerator like " + example + ", or a JSON file");
  }
  return read_text(path, most_description_bytes);
}

std::string read_name(const Json& value, const std::string& where, std::string_view also) {
  std::string name = value.is_string() ? value.get<std::string>() : std::string();
  const bool plain =
      std::all_of(name.begin(), name.end(), [&](char c) { return is_plain(c, also); });
  if (!name.empty() && name.size() <= longest_name && plain) return name;
  std::string others = "'.', '_' or '-'";
  for (const char c : also) others = "'" + std::string(1, c) + "', " + others;
  throw_value(where, "name", value, "1 to 100 letters, digits, " + others);
}

std::string name_of_file(const std::string& path) {
  std::string name = std::filesystem::path(path).stem().string().substr(0, longest_name);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !is_plain(c, ""); }, '_');
  return name.empty() ? "unnamed" : name;
}

bool read_boolean(const std::string& key, const Json& value, const std::string& where) {
  if (!value.is_boolean()) throw_value(where, key, value, "true or false");
  return value.get<bool>();
}

std::string read_string(const std::string& key, const Json& value, const std::string& where) {
  if (!value.is_string()) throw_value(where, key, value, "a string");
  return value.get<std::string>();
}

bool read_shape(std::string_view text, int64_t& first, int64_t& second) {
  const auto number = [](std::string_view digits, int64_t& value) {
    constexpr size_t longest = 9;
    const bool only_digits =
        std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits.empty() || !only_digits) return false;
    value = digits.size() > longest ? -1 : std::stoll(std::string(digits));
    return true;
  };
  const size_t x = text.find('x');
  return x != std::string_view::npos && number(text.substr(0, x), first) &&
         number(text.substr(x + 1), second);
}

}  // namespace stuckat
