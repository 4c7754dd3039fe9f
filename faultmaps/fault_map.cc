#include "faultmaps/fault_map.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>

#include "workloads/errors.h"

namespace stuckat {
namespace {

int parts(const SiteRow& row, const Placement& placement) {
  return static_cast<int>(row.part == PartKind::pe_array ? placement.arrays.size()
                                                         : placement.streams.size());
}

const std::string& part_name(const SiteRow& row, const Placement& placement, int part) {
  const auto index = static_cast<size_t>(part);
  return row.part == PartKind::pe_array ? placement.arrays[index].name
                                        : placement.streams[index].name;
}

int find_part(const SiteRow& row, const Placement& placement, const std::string& name) {
  for (int i = 0; i < parts(row, placement); ++i) {
    if (part_name(row, placement, i) == name) return i;
  }
  return -1;
}

/// Positions of every coordinate at a part.
std::vector<int64_t> ranges(const SiteRow& row, const Placement& placement, int part,
                            const Network& network) {
  std::vector<int64_t> result;
  for (const auto& c : row.coordinates) result.push_back(c.count(placement, part, network));
  return result;
}

int64_t product(const std::vector<int64_t>& factors) {
  int64_t result = 1;
  for (const int64_t f : factors) result *= f;
  return result;
}

/// The site number `index` of a part, coordinates counted with the last one fastest.
Fault site_at(const SiteRow& row, const Placement& placement, int part,
              const std::vector<int64_t>& range, int64_t index) {
  Fault fault;
  fault.kind = row.kind;
  fault.part = part_name(row, placement, part);
  for (size_t i = range.size(); i-- > 0;) {
    fault.coordinates[i] = static_cast<int>(index % range[i]);
    index /= range[i];
  }
  return fault;
}

/// "pe[5]/accumulator[3]" -> "pe[]/accumulator[]" and {5, 3}. False if a bracket holds no number.
bool split_pattern(std::string_view text, std::string& pattern, std::vector<int>& numbers) {
  while (!text.empty()) {
    const size_t open = text.find('[');
    pattern += text.substr(0, open);
    if (open == std::string_view::npos) return true;
    const size_t close = text.find(']', open);
    if (close == std::string_view::npos) return false;
    const std::string_view inside = text.substr(open + 1, close - open - 1);
    int number = 0;
    const auto [end, error] = std::from_chars(inside.data(), inside.data() + inside.size(), number);
    if (error != std::errc() || end != inside.data() + inside.size()) return false;
    numbers.push_back(number);
    pattern += "[]";
    text = text.substr(close + 1);
  }
  return true;
}

std::string values_text(const std::vector<int>& values) {
  std::string text = "one of";
  for (const int v : values) text += " " + std::to_string(v);
  return text;
}

void check_fault(const Fault& fault, const Placement& placement, const Network& network,
                 const std::string& where) {
  const SiteRow& row = site_row(fault.kind);
  const int part = find_part(row, placement, fault.part);
  if (part < 0) {
    std::vector<std::string> known;
    for (int i = 0; i < parts(row, placement); ++i) {
      known.push_back(part_name(row, placement, i));
    }
    throw_unknown_name(where, "part of " + placement.accelerator, fault.part, known);
  }
  for (size_t i = 0; i < fault.coordinates.size(); ++i) {
    const int c = fault.coordinates[i];
    if (i >= row.coordinates.size()) {
      if (c != 0) throw InputError(where, name(fault) + " has a coordinate too many");
      continue;
    }
    const int count = row.coordinates[i].count(placement, part, network);
    if (c < 0 || c >= count) {
      throw InputError(
          where, name(fault) + ": " + row.coordinates[i].name + " " + std::to_string(c),
          count == 0 ? "none: the part has no such site" : "0 to " + std::to_string(count - 1));
    }
  }
  const std::vector<int> values = site_values(row, placement, part, network);
  if (std::find(values.begin(), values.end(), fault.value) == values.end()) {
    throw InputError(where, name(fault) + ": value " + std::to_string(fault.value),
                     values_text(values));
  }
}

}  // namespace

std::string name(const Fault& fault) {
  std::string text = fault.part + "/";
  size_t next = 0;
  for (const char* p = site_row(fault.kind).pattern; *p != '\0'; ++p) {
    text += *p;
    if (*p == '[') text += std::to_string(fault.coordinates[next++]);
  }
  return text + "=" + std::to_string(fault.value);
}

Fault parse_fault(std::string_view text, const Placement& placement, const Network& network,
                  std::string_view where) {
  const std::string place(where);
  const size_t equals = text.rfind('=');
  int value = 0;
  bool good = equals != std::string_view::npos;
  if (good) {
    std::string_view digits = text.substr(equals + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    good = error == std::errc() && end == digits.data() + digits.size();
  }
  if (!good) {
    throw InputError(place, "'" + std::string(text) + "' is no fault",
                     "PART/SITE=VALUE, like layer1/mvtu/pe[5]/accumulator[3]=1");
  }
  const std::string_view site = text.substr(0, equals);
  std::vector<std::string> known_parts;
  std::vector<std::string> known_patterns;
  for (const SiteRow& row : site_table()) {
    for (int i = 0; i < parts(row, placement); ++i) {
      const std::string& part = part_name(row, placement, i);
      if (std::find(known_parts.begin(), known_parts.end(), part) == known_parts.end()) {
        known_parts.push_back(part);
      }
      if (!site.starts_with(part + "/")) continue;
      std::string pattern;
      std::vector<int> numbers;
      const bool numeric = split_pattern(site.substr(part.size() + 1), pattern, numbers);
      known_patterns.emplace_back(row.pattern);
      if (!numeric || pattern != row.pattern) continue;
      Fault fault{row.kind, part, {}, value};
      std::copy(numbers.begin(), numbers.end(), fault.coordinates.begin());
      check_fault(fault, placement, network, place);
      return fault;
    }
  }
  if (!known_patterns.empty()) {
    throw_unknown_name(place, "site", site, known_patterns);
  }
  throw_unknown_name(place, "part of " + placement.accelerator + " in", site, known_parts);
}

void validate(FaultMap& map, const Placement& placement, const Network& network,
              const std::string& where) {
  if (!map.accelerator.empty() && map.accelerator != placement.accelerator) {
    throw InputError(where, "a fault map for " + map.accelerator, placement.accelerator);
  }
  std::sort(map.faults.begin(), map.faults.end());
  map.faults.erase(std::unique(map.faults.begin(), map.faults.end()), map.faults.end());
  for (size_t i = 0; i < map.faults.size(); ++i) {
    check_fault(map.faults[i], placement, network, where);
    if (i == 0) continue;
    Fault before = map.faults[i - 1];
    before.value = map.faults[i].value;
    if (before == map.faults[i]) {
      throw InputError(where, name(map.faults[i - 1]) + " and " + name(map.faults[i]),
                       "a site stuck at one value");
    }
  }
}

int64_t count_faults(SiteKind kind, const Placement& placement, const Network& network) {
  const SiteRow& row = site_row(kind);
  int64_t count = 0;
  for (int part = 0; part < parts(row, placement); ++part) {
    const auto values = site_values(row, placement, part, network);
    count += product(ranges(row, placement, part, network)) * static_cast<int64_t>(values.size());
  }
  return count;
}

Fault fault_at(SiteKind kind, int64_t index, const Placement& placement, const Network& network) {
  const SiteRow& row = site_row(kind);
  for (int part = 0; part < parts(row, placement); ++part) {
    const auto range = ranges(row, placement, part, network);
    const auto values = site_values(row, placement, part, network);
    const auto each = static_cast<int64_t>(values.size());
    const int64_t here = product(range) * each;
    if (index < here) {
      Fault fault = site_at(row, placement, part, range, index / each);
      fault.value = values[static_cast<size_t>(index % each)];
      return fault;
    }
    index -= here;
  }
  throw std::out_of_range("fault_at: index beyond count_faults()");
}

std::vector<Fault> all_faults(SiteKind kind, const Placement& placement, const Network& network) {
  const SiteRow& row = site_row(kind);
  std::vector<Fault> faults;
  for (int part = 0; part < parts(row, placement); ++part) {
    const auto range = ranges(row, placement, part, network);
    const auto values = site_values(row, placement, part, network);
    for (int64_t site = 0; site < product(range); ++site) {
      Fault fault = site_at(row, placement, part, range, site);
      for (const int value : values) {
        fault.value = value;
        faults.push_back(fault);
      }
    }
  }
  return faults;
}

FaultMap random_map(const std::vector<SiteKind>& kinds, double rate, uint64_t seed,
                    const Placement& placement, const Network& network) {
  if (!(rate >= 0.0 && rate <= 1.0)) {
    throw InputError("fault rate", std::to_string(rate), "0 to 1");
  }
  std::mt19937_64 random(seed);
  // Uniform in (0, 1]; our own, since the standard's distributions differ between libraries.
  auto uniform = [&] { return static_cast<double>((random() >> 11) + 1) * 0x1.0p-53; };
  FaultMap map{placement.accelerator, {}};
  for (const SiteKind kind : kinds) {
    const SiteRow& row = site_row(kind);
    for (int part = 0; part < parts(row, placement); ++part) {
      const auto range = ranges(row, placement, part, network);
      const auto values = site_values(row, placement, part, network);
      const int64_t sites = product(range);
      if (rate == 0.0 || values.empty()) continue;
      // Gaps between broken sites of a Bernoulli sequence are geometric.
      int64_t site = -1;
      while (true) {
        const double gap = rate == 1.0 ? 0.0 : std::floor(std::log(uniform()) / std::log1p(-rate));
        if (gap >= static_cast<double>(sites - site - 1)) break;
        site += 1 + static_cast<int64_t>(gap);
        Fault fault = site_at(row, placement, part, range, site);
        fault.value = values[random() % values.size()];
        map.faults.push_back(fault);
      }
    }
  }
  validate(map, placement, network, "random map");
  return map;
}

}  // namespace stuckat
