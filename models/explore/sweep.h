// What an exploration varies: options that families add to those of every exploration, and the
// values that were given for them.
#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "workloads/errors.h"

namespace stuckat::explore {

/// One option of a family.
struct SweepOption {
  std::string name;
  std::string value_name;
  std::string help;
  std::optional<int64_t> number = {};        ///< a whole number, this one unless it is given
  std::optional<std::string> standard = {};  ///< of a text; without one, the option may be missing
  bool varies = false;  ///< varies accelerators of the family; else it asks for some of its own
};

/// "1 stands there twice": each value makes designs of its own. Throws InputError.
template <class Value>
std::vector<Value> distinct(const std::string& option, std::vector<Value> values);

/// The values, by the name of the option, as they were given.
class SweepValues {
 public:
  void set(const std::string& option, std::string value) { values_[option] = std::move(value); }

  /// The items of "a,b,c", none of them empty or there twice; empty without the option. Throws
  /// InputError.
  std::vector<std::string> list(const std::string& option) const {
    return distinct(option, items(option));
  }
  /// The same as numbers of a range.
  template <class Number>
  std::vector<Number> numbers(const std::string& option, Number low, Number high) const {
    std::vector<Number> numbers;
    for (const auto& item : items(option)) numbers.push_back(number(option, item, low, high));
    return distinct(option, std::move(numbers));
  }
  /// Of an option with a SweepOption::number.
  int64_t integer(const std::string& option, int64_t low, int64_t high) const;

  /// The whole text as a decimal number of a range. Throws InputError("--option", ...).
  template <class Number>
  static Number number(const std::string& option, const std::string& text, Number low, Number high);

  /// Empty items are refused, the same ones are not.
  std::vector<std::string> items(const std::string& option) const;

 private:
  std::map<std::string, std::string> values_;
};

[[noreturn]] void throw_twice(const std::string& option, const std::string& value);
[[noreturn]] void throw_range(const std::string& option, const std::string& text, bool whole,
                              double low, double high);
/// "300", "0.5", "1e+06".
std::string decimal(double value);

template <class Value>
std::vector<Value> distinct(const std::string& option, std::vector<Value> values) {
  for (auto value = values.begin(); value != values.end(); ++value) {
    for (auto before = values.begin(); before != value; ++before) {
      if (*before != *value) continue;
      if constexpr (std::is_arithmetic_v<Value>) {
        throw_twice(option, decimal(static_cast<double>(*value)));
      } else {
        throw_twice(option, *value);
      }
    }
  }
  return values;
}

template <class Number>
Number SweepValues::number(const std::string& option, const std::string& text, Number low,
                           Number high) {
  Number value = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || !(value >= low && value <= high)) {
    throw_range(option, text, std::is_integral_v<Number>, static_cast<double>(low),
                static_cast<double>(high));
  }
  return value;
}

}  // namespace stuckat::explore
