#include <algorithm>
#include <charconv>

#include "faultmaps/site_index.h"
#include "faultmaps/site_names.h"
#include "workloads/errors.h"

namespace stuckat {
namespace {

/// One bracket of a pattern: the positions from first to last.
struct Range {
  int first = 0;
  int last = 0;
};

/// "*", "3" or "2-5". False if the text is none of them.
bool parse_range(std::string_view text, int count, Range& range) {
  if (text == "*") {
    range = {0, count - 1};
    return true;
  }
  const size_t dash = text.find('-', 1);
  if (dash == std::string_view::npos) {
    if (!site_names::to_number(text, range.first)) return false;
    range.last = range.first;
    return true;
  }
  return site_names::to_number(text.substr(0, dash), range.first) &&
         site_names::to_number(text.substr(dash + 1), range.last) && range.first <= range.last;
}

/// Parses the first fault that a pattern means, for the message about what is wrong with it.
void say_what_is_wrong(const SiteIndex& sites, std::string_view site, std::string_view value,
                       const std::string& where) {
  site_names::Brackets brackets;
  if (!site_names::split_brackets(site, brackets)) return;
  if (brackets.pattern.find('*') != std::string::npos) return;
  std::string plain;
  size_t next = 0;
  for (const char c : brackets.pattern) {
    plain += c;
    if (c != '[') continue;
    const std::string_view inside = brackets.inside[next++];
    plain += inside == "*" ? "0" : inside.substr(0, inside.find('-', 1));
  }
  sites.parse(plain + "=" + std::string(value), where);
}

/// Where the site begins in "PART/SITE" if SITE has as many slashes as `pattern`; npos if not.
size_t slash_before_site(std::string_view text, std::string_view pattern) {
  size_t slash = text.size();
  for (auto left = 1 + std::count(pattern.begin(), pattern.end(), '/'); left > 0; --left) {
    if (slash == 0) return std::string_view::npos;
    slash = text.rfind('/', slash - 1);
    if (slash == std::string_view::npos) return slash;
  }
  return slash;
}

/// Every fault of a box of coordinates, the last one fastest.
void add_box(const SiteSpace& space, const std::array<Range, 4>& box, int value, int64_t flip_cycle,
             std::vector<Fault>& faults) {
  Fault fault{space.row->kind, space.part, {}, value, flip_cycle};
  for (size_t i = 0; i < box.size(); ++i) fault.coordinates[i] = box[i].first;
  while (true) {
    faults.push_back(fault);
    size_t i = box.size();
    while (i > 0 && fault.coordinates[i - 1] == box[i - 1].last) {
      --i;
      fault.coordinates[i] = box[i].first;
    }
    if (i == 0) return;
    ++fault.coordinates[i - 1];
  }
}

}  // namespace

std::string value_text(const Fault& fault) {
  return fault.is_flip() ? "flip@" + std::to_string(fault.flip_cycle) : std::to_string(fault.value);
}

void append_name(const Fault& fault, std::string& text) {
  const std::string_view pattern = site_row(fault.kind).pattern;
  constexpr size_t digits = 24;  // of any number, its sign included
  const size_t begin = text.size();
  text.resize(begin + fault.part.size() + pattern.size() + (fault.coordinates.size() + 2) * digits);
  char* at = std::copy(fault.part.begin(), fault.part.end(), text.data() + begin);
  const auto put_number = [&](int64_t number) { at = std::to_chars(at, at + digits, number).ptr; };
  *at++ = '/';
  size_t next = 0;
  for (const char c : pattern) {
    *at++ = c;
    if (c == '[') put_number(fault.coordinates[next++]);
  }
  const std::string_view sign = fault.is_flip() ? "=flip@" : "=";
  at = std::copy(sign.begin(), sign.end(), at);
  put_number(fault.is_flip() ? fault.flip_cycle : fault.value);
  text.resize(static_cast<size_t>(at - text.data()));
}

std::string name(const Fault& fault) {
  std::string text;
  append_name(fault, text);
  return text;
}

Fault SiteIndex::parse(std::string_view text, std::string_view where) const {
  const std::string place(where);
  const auto [site, value, flip_cycle] = site_names::split_assignment(text, place);
  std::vector<std::string> known_patterns;
  std::string pattern;  // of the site after the part, brackets emptied, as far as it goes
  for (size_t slash = site.find('/'); slash != std::string_view::npos;
       slash = site.find('/', slash + 1)) {
    const auto found = by_part_.find(site.substr(0, slash));
    if (found == by_part_.end()) continue;
    site_names::Brackets brackets;
    std::vector<int> numbers;
    const bool numeric = site_names::split_brackets(site.substr(slash + 1), brackets) &&
                         site_names::to_numbers(brackets.inside, numbers);
    pattern = brackets.pattern;
    for (const size_t i : found->second) {
      const SiteRow& row = *spaces_[i].row;
      known_patterns.emplace_back(row.pattern);
      if (!numeric || brackets.pattern != row.pattern) continue;
      Fault fault{row.kind, spaces_[i].part, {}, value, flip_cycle};
      std::copy(numbers.begin(), numbers.end(), fault.coordinates.begin());
      check(fault, place);
      return fault;
    }
  }
  if (!known_patterns.empty()) {
    throw_unknown_name(place + ": " + std::string(site), "site", pattern, known_patterns);
  }
  // Which of the beginnings was meant as the part?
  for (size_t slash = site.find('/'); slash != std::string_view::npos;
       slash = site.find('/', slash + 1)) {
    const std::string_view part = site.substr(0, slash);
    if (nearest_name(part, parts_).empty()) continue;
    throw_unknown_name(place, "part of " + accelerator_, part, parts_);
  }
  throw_unknown_name(place, "part of " + accelerator_ + " in", site, parts_);
}

std::vector<Fault> SiteIndex::expand(std::string_view pattern, std::string_view where) const {
  const std::string place(where);
  const auto [site, value, flip_cycle] = site_names::split_assignment(pattern, place);
  std::vector<Fault> faults;
  for (const SiteSpace& space : spaces_) {
    const size_t slash = slash_before_site(site, space.row->pattern);
    if (slash == std::string_view::npos) continue;
    site_names::Brackets brackets;
    if (!site_names::split_brackets(site.substr(slash + 1), brackets) ||
        brackets.pattern != space.row->pattern ||
        !site_names::matches(space.part, site.substr(0, slash))) {
      continue;
    }
    std::array<Range, 4> box{};
    bool some = flip_cycle >= 0 ? space.row->flips()
                                : std::find(space.values.begin(), space.values.end(), value) !=
                                      space.values.end();
    for (size_t i = 0; i < brackets.inside.size(); ++i) {
      if (!parse_range(brackets.inside[i], space.counts[i], box[i])) {
        throw InputError(place,
                         std::string(pattern) + ": [" + std::string(brackets.inside[i]) + "]",
                         "a number, a range like 2-5, or *");
      }
      box[i].last = std::min(box[i].last, space.counts[i] - 1);
      some = some && box[i].first >= 0 && box[i].first <= box[i].last;
    }
    if (some) add_box(space, box, value, flip_cycle, faults);
  }
  if (faults.empty()) {
    say_what_is_wrong(*this, site, pattern.substr(pattern.rfind('=') + 1), place);
    throw InputError(place, "'" + std::string(pattern) + "' matches no fault of " + accelerator_);
  }
  std::sort(faults.begin(), faults.end());
  return faults;
}

std::string masked_text(const Fault& fault) {
  const SiteRow& row = site_row(fault.kind);
  if (!fault.is_flip()) return row.masked;
  return row.transient == Transient::passes
             ? "nothing that is used passes there in that cycle"
             : "nothing that is used again is stored there at the beginning of that cycle";
}

Fault parse_fault(std::string_view text, const Placement& placement, const Network& network,
                  std::string_view where) {
  return SiteIndex(placement, network).parse(text, where);
}

Fault parse_fault_anywhere(std::string_view text, std::string_view where) {
  const std::string place(where);
  const auto [site, value, flip_cycle] = site_names::split_assignment(text, place);
  // The whole text after each slash, from the left: the longest pattern wins.
  for (size_t slash = site.find('/'); slash != std::string_view::npos;
       slash = site.find('/', slash + 1)) {
    site_names::Brackets brackets;
    std::vector<int> numbers;
    if (!site_names::split_brackets(site.substr(slash + 1), brackets) ||
        !site_names::to_numbers(brackets.inside, numbers)) {
      continue;
    }
    for (const SiteRow& row : site_table()) {
      if (brackets.pattern != row.pattern) continue;
      Fault fault{row.kind, std::string(site.substr(0, slash)), {}, value, flip_cycle};
      std::copy(numbers.begin(), numbers.end(), fault.coordinates.begin());
      for (const int c : numbers) {
        if (c < 0) throw InputError(place, name(fault), "coordinates of 0 or more");
      }
      return fault;
    }
  }
  std::vector<std::string> known;
  for (const SiteRow& row : site_table()) known.emplace_back(std::string("PART/") + row.pattern);
  throw_unknown_name(place, "site", site, known);
}

}  // namespace stuckat
