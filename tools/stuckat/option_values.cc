#include "tools/stuckat/option_values.h"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

namespace stuckat::cli {
namespace {

/// Where the number at `begin` ends; null if there is none.
template <class Number>
const char* read(const char* begin, const char* end, Number& number) {
  const auto parsed = std::from_chars(begin, end, number);
  return parsed.ec == std::errc() ? parsed.ptr : nullptr;
}

}  // namespace

std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> names;
  std::stringstream stream(list);
  for (std::string name; std::getline(stream, name, ',');) {
    if (!name.empty()) names.push_back(name);
  }
  return names;
}

std::vector<double> reals(const CommandLine& line, const std::string& name, double low,
                          double high) {
  std::vector<double> values;
  std::stringstream list(line.text(name));
  for (std::string text; std::getline(list, text, ',');) {
    const char* const end = text.data() + text.size();
    double value = 0;
    if (read(text.data(), end, value) != end || !(value >= low && value <= high)) {
      throw InputError("--" + name, "'" + text + "'",
                       fmt::format("numbers from {} to {}, separated by commas", low, high));
    }
    values.push_back(value);
  }
  return values;
}

Shard shard_option(const CommandLine& line) {
  constexpr int most = 100'000;
  if (!line.has("shard")) return {};
  const std::string text = line.text("shard");
  const char* const end = text.data() + text.size();
  Shard shard;
  const char* const slash = read(text.data(), end, shard.index);
  const bool two =
      slash != nullptr && slash != end && *slash == '/' && read(slash + 1, end, shard.count) == end;
  if (!two || shard.index < 0 || shard.index >= shard.count || shard.count > most) {
    throw InputError("--shard", "'" + text + "'", "I/N with 0 <= I < N");
  }
  return shard;
}

}  // namespace stuckat::cli
