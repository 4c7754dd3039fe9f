#include "models/explore/sweep.h"

#include <array>

namespace stuckat::explore {

std::vector<std::string> SweepValues::items(const std::string& option) const {
  std::vector<std::string> items;
  const auto given = values_.find(option);
  if (given == values_.end()) return items;
  const std::string text = given->second + ",";
  for (size_t first = 0; first < text.size();) {
    const size_t end = text.find(',', first);
    if (end == first) {
      throw InputError("--" + option, "'" + given->second + "' has an empty place",
                       "values with commas between them");
    }
    items.push_back(text.substr(first, end - first));
    first = end + 1;
  }
  return items;
}

int64_t SweepValues::integer(const std::string& option, int64_t low, int64_t high) const {
  return number(option, values_.at(option), low, high);
}

void throw_twice(const std::string& option, const std::string& value) {
  throw InputError("--" + option, value + " stands there twice", "each once");
}

void throw_range(const std::string& option, const std::string& text, bool whole, double low,
                 double high) {
  throw InputError(
      "--" + option, "'" + text + "'",
      (whole ? "a whole number, " : "a number, ") + decimal(low) + " to " + decimal(high));
}

std::string decimal(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

}  // namespace stuckat::explore
