// Names of faults, taken apart: "layer1/mvtu/pe[5]/accumulator[3]=1".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stuckat::site_names {

/// Splits "SITE=VALUE" or "SITE=flip@CYCLE". Throws InputError(where, ...).
struct Assignment {
  std::string_view site;
  int value = 0;
  int64_t flip_cycle = -1;
};
/// "-1", "1" or "flip@12345". False if the text is none of them.
bool to_value(std::string_view text, int& value, int64_t& flip_cycle);
Assignment split_assignment(std::string_view text, const std::string& where);

/// "pe[5]/accumulator[3]" -> "pe[]/accumulator[]" and {"5", "3"}. False if a bracket is not closed.
struct Brackets {
  std::string pattern;
  std::vector<std::string_view> inside;
};
bool split_brackets(std::string_view text, Brackets& result);

/// The whole text is a number.
bool to_number(std::string_view text, int& number);
bool to_numbers(const std::vector<std::string_view>& texts, std::vector<int>& numbers);

/// Does `text` match `glob`, in which `*` stands for any characters?
bool matches(std::string_view text, std::string_view glob);

}  // namespace stuckat::site_names
