#include "workloads/json_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "workloads/compressed_file.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

/// Sees every event of the parser before the document grows by it.
class Bounds {
 public:
  explicit Bounds(std::string where) : where_(std::move(where)) {}

  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      if (depth >= deepest_json) {
        throw InputError(
            where_, "JSON that is nested too deeply",
            "at most " + std::to_string(deepest_json) + " objects and arrays in one another");
      }
      if (event == Event::object_start) keys_.emplace_back();
    } else if (event == Event::object_end) {
      keys_.pop_back();
    } else if (event == Event::key && !keys_.back().insert(parsed.get<std::string>()).second) {
      throw InputError(where_, "key '" + parsed.get<std::string>() + "' twice in one object",
                       "each key once");
    }
    return true;
  }

 private:
  std::string where_;
  std::vector<std::set<std::string>> keys_;  ///< of each object that is open
};

/// What the library says, without its own name and number in brackets.
std::string reason(const Json::exception& error) {
  const std::string text = error.what();
  const size_t bracket = text.find("] ");
  return text.substr(bracket == std::string::npos ? 0 : bracket + 2);
}

std::string short_number(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.begin(), text.end(), value).ptr};
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where, size_t most_bytes) {
  if (text.size() > most_bytes) {
    throw InputError(where, std::to_string(text.size()) + " bytes of JSON",
                     "at most " + std::to_string(most_bytes));
  }
  try {
    return Json::parse(text.begin(), text.end(), Bounds(where));
  } catch (const Json::exception& error) {
    throw InputError(where, "no JSON: " + reason(error), "one JSON document");
  }
}

std::optional<Json> json_or_nothing(std::string_view text) {
  try {
    return parse_json(text, "");
  } catch (const InputError&) {
    return std::nullopt;
  }
}

std::string read_text(const std::string& path, size_t most_bytes) {
  const auto bytes = read_plain_file(path, most_bytes);
  return {bytes.begin(), bytes.end()};
}

Json read_json_file(const std::string& path, size_t most_bytes) {
  return parse_json(read_text(path, most_bytes), path, most_bytes);
}

std::string shown(const Json& value) {
  constexpr size_t longest = 40;
  if (value.is_structured() && !value.empty()) return value.is_array() ? "an array" : "an object";
  std::string text;
  if (value.is_string()) {
    text = '"' + value.get<std::string>().substr(0, longest + 1) + '"';
  } else {
    text = value.dump();
  }
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

int64_t json_integer(const Json& value, int64_t least, int64_t greatest, const std::string& where,
                     const std::string& key) {
  // The unsigned range reaches beyond int64_t.
  const bool fits = value.is_number_unsigned()
                        ? greatest >= 0 &&
                              value.get<uint64_t>() <= static_cast<uint64_t>(greatest) &&
                              (least <= 0 || value.get<uint64_t>() >= static_cast<uint64_t>(least))
                        : value.is_number_integer() && value.get<int64_t>() >= least &&
                              value.get<int64_t>() <= greatest;
  if (!fits) {
    throw InputError(
        where, "'" + key + "' is " + shown(value),
        "an integer from " + std::to_string(least) + " to " + std::to_string(greatest));
  }
  return value.get<int64_t>();
}

double json_number(const Json& value, double least, double greatest, const std::string& where,
                   const std::string& key) {
  const bool fits =
      value.is_number() && value.get<double>() >= least && value.get<double>() <= greatest;
  if (!fits) {
    throw InputError(where, "'" + key + "' is " + shown(value),
                     "a number from " + short_number(least) + " to " + short_number(greatest));
  }
  return value.get<double>();
}

JsonObject::JsonObject(const Json& json, std::string where)
    : json_(&json), where_(std::move(where)) {
  if (!json_->is_object()) throw InputError(where_, "is " + shown(json), "a JSON object");
}

bool JsonObject::has(const std::string& key) const {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  return json_->contains(key);
}

const Json& JsonObject::member(const std::string& key) const {
  if (!has(key)) {
    std::vector<std::string> others;
    for (const auto& item : json_->items()) {
      if (std::find(known_.begin(), known_.end(), item.key()) == known_.end()) {
        others.push_back(item.key());
      }
    }
    const std::string misspelt = nearest_name(key, others);
    if (!misspelt.empty()) throw_unknown_name(where_, "key", misspelt, {key});
    throw InputError(where_, "has no '" + key + "'", "one");
  }
  return (*json_)[key];
}

void JsonObject::fail(const std::string& key, const std::string& expected) const {
  throw InputError(where_, "'" + key + "' is " + shown((*json_)[key]), expected);
}

std::string JsonObject::text(const std::string& key, size_t longest) const {
  const Json& value = member(key);
  const bool fits = value.is_string() && value.get_ref<const std::string&>().size() <= longest;
  if (!fits) fail(key, "a text of at most " + std::to_string(longest) + " bytes");
  return value.get<std::string>();
}

int64_t JsonObject::integer(const std::string& key, int64_t least, int64_t greatest) const {
  return json_integer(member(key), least, greatest, where_, key);
}

double JsonObject::number(const std::string& key, double least, double greatest) const {
  return json_number(member(key), least, greatest, where_, key);
}

bool JsonObject::truth(const std::string& key) const {
  if (!member(key).is_boolean()) fail(key, "true or false");
  return member(key).get<bool>();
}

const Json& JsonObject::list(const std::string& key) const {
  if (!member(key).is_array()) fail(key, "a list");
  return member(key);
}

std::vector<std::string> JsonObject::texts(const std::string& key) const {
  std::vector<std::string> result;
  for (const Json& item : list(key)) {
    if (!item.is_string()) throw InputError(where_, "'" + key + "' holds " + shown(item), "texts");
    result.push_back(item.get<std::string>());
  }
  return result;
}

std::vector<int64_t> JsonObject::integers(const std::string& key, int64_t least,
                                          int64_t greatest) const {
  std::vector<int64_t> result;
  for (const Json& item : list(key)) {
    result.push_back(json_integer(item, least, greatest, where_, key));
  }
  return result;
}

JsonObject JsonObject::object(const std::string& key) const {
  return {member(key), where_ + ": " + key};
}

std::vector<JsonObject> JsonObject::objects(const std::string& key) const {
  std::vector<JsonObject> result;
  for (const Json& item : list(key)) {
    result.emplace_back(item, where_ + ": " + key + "[" + std::to_string(result.size()) + "]");
  }
  return result;
}

void JsonObject::finish() const {
  for (const auto& item : json_->items()) {
    if (std::find(known_.begin(), known_.end(), item.key()) == known_.end()) {
      throw_unknown_name(where_, "key", item.key(), known_);
    }
  }
}

}  // namespace stuckat
