// JSON that others wrote: bounded before it is built, checked before it is used. The one reader of
// every file, journal line and stored configuration in JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stuckat {

using Json = nlohmann::ordered_json;

/// Objects and arrays in one another; the library's own functions recurse.
constexpr int deepest_json = 64;
constexpr size_t most_json_bytes = size_t{256} << 20;
/// Of a description that people write.
constexpr size_t most_description_bytes = size_t{1} << 20;

/// One document. Throws InputError(where, ...) if it is none, is larger or deeper than that, or an
/// object has a key twice.
Json parse_json(std::string_view text, const std::string& where,
                size_t most_bytes = most_json_bytes);
/// Nothing where parse_json() throws: for texts that may be something else.
std::optional<Json> json_or_nothing(std::string_view text);
/// The document in a file, which is read once. Throws InputError(path, ...).
Json read_json_file(const std::string& path, size_t most_bytes = most_json_bytes);
/// Of a whole text file; the same errors.
std::string read_text(const std::string& path, size_t most_bytes);

/// At most 40 characters of the document, for messages.
std::string shown(const Json& value);

/// One object. Each function reads a member that must be there, of one type and range, and throws
/// InputError(where, "'key' is ...", expected) otherwise. Members that nothing asked for are
/// unknown: finish() refuses them.
class JsonObject {
 public:
  /// `json` outlives this object.
  JsonObject(const Json& json, std::string where);

  const std::string& where() const { return where_; }
  bool has(const std::string& key) const;
  bool is_null(const std::string& key) const { return member(key).is_null(); }
  const Json& member(const std::string& key) const;

  std::string text(const std::string& key, size_t longest = 1 << 16) const;
  int64_t integer(const std::string& key, int64_t least, int64_t greatest) const;
  /// An integer that an int holds.
  int int_of(const std::string& key, int least, int greatest) const {
    return static_cast<int>(integer(key, least, greatest));
  }
  double number(const std::string& key, double least, double greatest) const;
  bool truth(const std::string& key) const;
  std::vector<std::string> texts(const std::string& key) const;
  std::vector<int64_t> integers(const std::string& key, int64_t least, int64_t greatest) const;
  const Json& list(const std::string& key) const;
  JsonObject object(const std::string& key) const;
  std::vector<JsonObject> objects(const std::string& key) const;

  /// Throws for the first member that nobody asked for, with the nearest one that was.
  void finish() const;

 private:
  [[noreturn]] void fail(const std::string& key, const std::string& expected) const;

  const Json* json_;
  std::string where_;
  mutable std::vector<std::string> known_;
};

/// `value` as an integer of that range. Throws InputError(where, "'key' is ...", the range).
int64_t json_integer(const Json& value, int64_t least, int64_t greatest, const std::string& where,
                     const std::string& key);
double json_number(const Json& value, double least, double greatest, const std::string& where,
                   const std::string& key);

}  // namespace stuckat
