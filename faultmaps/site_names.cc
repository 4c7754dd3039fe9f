#include "faultmaps/site_names.h"

#include <charconv>

#include "workloads/errors.h"

namespace stuckat::site_names {
namespace {
constexpr size_t longest_name = 1000;
}

Assignment split_assignment(std::string_view text, const std::string& where) {
  const size_t equals = text.rfind('=');
  Assignment result;
  bool good = equals != std::string_view::npos && text.size() <= longest_name;
  if (good) {
    good = to_value(text.substr(equals + 1), result.value, result.flip_cycle);
  }
  if (!good) {
    throw InputError(where, "'" + std::string(text.substr(0, 200)) + "' is no fault",
                     "PART/SITE=VALUE, like layer1/mvtu/pe[5]/accumulator[3]=1 or ...=flip@CYCLE");
  }
  result.site = text.substr(0, equals);
  return result;
}

bool to_value(std::string_view text, int& value, int64_t& flip_cycle) {
  constexpr std::string_view flip = "flip@";
  if (!text.starts_with(flip)) {
    if (text.starts_with('+')) text.remove_prefix(1);
    return to_number(text, value);
  }
  text.remove_prefix(flip.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), flip_cycle);
  return error == std::errc() && end == text.data() + text.size() && flip_cycle >= 0;
}

bool split_brackets(std::string_view text, Brackets& result) {
  while (!text.empty()) {
    const size_t open = text.find('[');
    result.pattern += text.substr(0, open);
    if (open == std::string_view::npos) return true;
    const size_t close = text.find(']', open);
    if (close == std::string_view::npos) return false;
    result.inside.push_back(text.substr(open + 1, close - open - 1));
    result.pattern += "[]";
    text = text.substr(close + 1);
  }
  return true;
}

bool to_number(std::string_view text, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool to_numbers(const std::vector<std::string_view>& texts, std::vector<int>& numbers) {
  for (const auto text : texts) {
    int number = 0;
    if (!to_number(text, number)) return false;
    numbers.push_back(number);
  }
  return true;
}

bool matches(std::string_view text, std::string_view glob) {
  // Greedy with one place to return to: the last star and what it has swallowed so far.
  size_t t = 0, g = 0, star = std::string_view::npos, swallowed = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      swallowed = t;
    } else if (g < glob.size() && glob[g] == text[t]) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++swallowed;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

}  // namespace stuckat::site_names
