#include "workloads/errors.h"

#include <algorithm>
#include <numeric>

namespace stuckat {
namespace {

/// Both ends of a text that is too long for a line: a path says most at its end.
std::string shortened(std::string_view text, size_t longest) {
  if (text.size() <= longest) return std::string(text);
  const size_t end = longest / 3;
  return std::string(text.substr(0, longest - end)) + "..." +
         std::string(text.substr(text.size() - end));
}

std::string message(std::string_view where, std::string_view what, std::string_view expected) {
  constexpr size_t longest = 400;
  constexpr size_t longest_expected = 4000;  // lists of names are here
  std::string text = shortened(where, longest) + ": " + shortened(what, longest);
  if (!expected.empty()) text.append(", expected ").append(shortened(expected, longest_expected));
  // One readable line, whatever a hostile file put into a name.
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

InputError::InputError(std::string_view where, std::string_view what, std::string_view expected)
    : std::runtime_error(message(where, what, expected)) {}

std::string nearest_name(std::string_view name, const std::vector<std::string>& known) {
  constexpr size_t longest_compared = 200;
  if (name.size() > longest_compared) return {};
  constexpr size_t longest = 200;  // what is longer is no misspelt name
  if (name.size() > longest) return {};
  // What was cut short is meant before what is merely close.
  constexpr size_t shortest_beginning = 3;
  std::string best;
  for (const auto& candidate : known) {
    const bool begins = name.size() >= shortest_beginning && candidate.starts_with(name);
    if (begins && (best.empty() || candidate.size() < best.size())) best = candidate;
  }
  if (!best.empty()) return best;
  size_t best_distance = std::max<size_t>(2, name.size() / 2) + 1;
  for (const auto& candidate : known) {
    const size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

void throw_unknown_name(std::string_view where, std::string_view kind, std::string_view name,
                        const std::vector<std::string>& known) {
  std::string what = "unknown " + std::string(kind) + " '" + shortened(name, 100) + "'";
  if (const auto near = nearest_name(name, known); !near.empty()) {
    what += ", did you mean '" + near + "'?";
  }
  std::string expected = known.empty() ? "nothing here" : "one of";
  for (const auto& k : known) expected += " " + k;
  throw InputError(where, what, expected);
}

}  // namespace stuckat
