#include "faultmaps/text_files.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "faultmaps/csv_lines.h"
#include "faultmaps/site_names.h"
#include "workloads/compressed_file.h"
#include "workloads/errors.h"
#include "workloads/hdf5_file.h"
#include "workloads/json_file.h"

namespace stuckat {
namespace {

constexpr const char* text_schema = "stuckat.fault-map";
constexpr int64_t text_version = 1;
constexpr int64_t most_chips = 1'000'000;
constexpr const char* accelerator_comment = "accelerator:";
constexpr const char* hash_comment = "accelerator hash:";

int64_t number_of(const std::string& text, const std::string& what, int64_t low, int64_t high,
                  const std::string& where) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    throw InputError(where, what + " '" + text.substr(0, 100) + "'",
                     "a number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return value;
}

Fault named_fault(const std::string& name, const SiteIndex* sites, const std::string& where) {
  return sites != nullptr ? sites->parse(name, where) : parse_fault_anywhere(name, where);
}

/// Every coordinate name of the site table, in its order, and the other columns of a fault.
std::vector<std::string> coordinate_names() {
  std::vector<std::string> names;
  for (const SiteRow& row : site_table()) {
    for (const auto& c : row.coordinates) {
      if (std::find(names.begin(), names.end(), c.name) == names.end()) names.emplace_back(c.name);
    }
  }
  return names;
}

/// A fault from the values of its columns; `value_of(name)` is nullptr where there is none.
template <typename ValueOf>
Fault fault_from_columns(ValueOf value_of, const SiteIndex* sites, const std::string& where) {
  const auto required = [&](const char* column) -> const std::string& {
    const std::string* value = value_of(column);
    if (value == nullptr) throw InputError(where, std::string("no ") + column, "a value");
    return *value;
  };
  constexpr int64_t most = std::numeric_limits<int>::max();
  const SiteRow& row = site_row(parse_site_kind(required("site"), where));
  Fault fault{row.kind, required("part"), {}, 0};
  if (!site_names::to_value(required("value"), fault.value, fault.flip_cycle)) {
    throw InputError(where, "value '" + required("value").substr(0, 100) + "'",
                     "a number or flip@CYCLE");
  }
  for (const std::string& name : coordinate_names()) {
    const auto at = std::find_if(row.coordinates.begin(), row.coordinates.end(),
                                 [&](const auto& c) { return c.name == name; });
    if (at != row.coordinates.end()) {
      fault.coordinates[static_cast<size_t>(at - row.coordinates.begin())] =
          static_cast<int>(number_of(required(name.c_str()), name, 0, most, where));
    } else if (value_of(name.c_str()) != nullptr) {
      throw InputError(where, std::string(row.name) + " has no " + name, "an empty field");
    }
  }
  if (sites != nullptr) sites->check(fault, where);
  return fault;
}

/// What a text says about the accelerator of its maps.
struct MadeFor {
  std::string accelerator;
  std::string hash;

  void check(const SiteIndex* sites, const std::string& where) const {
    if (sites != nullptr) sites->check_made_for(accelerator, hash, where);
  }
};

void finish(std::vector<FaultMap>& chips, const MadeFor& made_for, const SiteIndex* sites,
            const std::string& where) {
  for (FaultMap& chip : chips) {
    chip.accelerator = made_for.accelerator;
    chip.accelerator_hash = made_for.hash;
    if (sites != nullptr) {
      chip.accelerator = sites->accelerator();
      chip.accelerator_hash = sites->accelerator_hash();
    }
    if (sites != nullptr) {
      validate(chip, *sites, where);
    } else {
      std::sort(chip.faults.begin(), chip.faults.end());
      chip.faults.erase(std::unique(chip.faults.begin(), chip.faults.end()), chip.faults.end());
    }
  }
}

/// The columns of a fault list's header, in their order.
std::vector<std::string> check_header(const std::vector<std::string>& header,
                                      const std::string& where) {
  std::vector<std::string> known = {"chip", "fault", "site", "part", "value"};
  const auto coordinates = coordinate_names();
  known.insert(known.end(), coordinates.begin(), coordinates.end());
  std::set<std::string> seen;
  for (const std::string& column : header) {
    if (std::find(known.begin(), known.end(), column) == known.end()) {
      throw_unknown_name(where, "column", column.substr(0, 100), known);
    }
    if (!seen.insert(column).second) throw InputError(where, "column " + column + " twice");
  }
  if (seen.count("fault") == seen.count("site")) {
    throw InputError(where, "a header with neither or both of 'fault' and 'site'",
                     "chip,fault or chip,site,part,COORDINATES,value");
  }
  return header;
}

}  // namespace

std::string fault_csv(const std::vector<FaultMap>& chips, CsvStyle style) {
  std::string text;
  if (!chips.empty() && !chips.front().accelerator.empty()) {
    text = std::string("# ") + accelerator_comment + " " + chips.front().accelerator + "\n";
  }
  if (!chips.empty() && !chips.front().accelerator_hash.empty()) {
    text += std::string("# ") + hash_comment + " " + chips.front().accelerator_hash + "\n";
  }
  std::vector<std::string> columns;
  if (style == CsvStyle::columns) {
    std::set<std::string> used;
    for (const FaultMap& chip : chips) {
      for (const Fault& fault : chip.faults) {
        for (const auto& c : site_row(fault.kind).coordinates) used.emplace(c.name);
      }
    }
    for (const auto& name : coordinate_names()) {
      if (used.count(name) > 0) columns.push_back(name);
    }
    text += "chip,site,part";
    for (const auto& column : columns) text += "," + column;
    text += ",value\n";
  } else {
    text += "chip,fault\n";
  }
  for (size_t chip = 0; chip < chips.size(); ++chip) {
    const std::string number = std::to_string(chip);
    if (chips[chip].faults.empty()) text += number + ",\n";
    for (const Fault& fault : chips[chip].faults) {
      if (style == CsvStyle::names) {
        text += number + "," + name(fault) + "\n";
        continue;
      }
      const SiteRow& row = site_row(fault.kind);
      text += number + "," + row.name + "," + fault.part;
      for (const auto& column : columns) {
        text += ",";
        for (size_t i = 0; i < row.coordinates.size(); ++i) {
          if (row.coordinates[i].name == column) text += std::to_string(fault.coordinates[i]);
        }
      }
      text += ",";
      text += value_text(fault) + "\n";
    }
  }
  return text;
}

std::vector<FaultMap> parse_fault_csv(std::string_view text, const std::string& where,
                                      const SiteIndex* sites) {
  CsvLines lines(text, where);
  std::vector<std::string> fields;
  if (!lines.next(fields)) throw InputError(where, "no header line", "chip,fault");
  const auto columns = check_header(fields, lines.here());
  MadeFor made_for;
  for (const std::string& comment : lines.comments()) {
    const auto read = [&](std::string_view key, std::string& value) {
      if (!comment.starts_with(key)) return;
      const size_t start = comment.find_first_not_of(' ', key.size());
      if (start != std::string::npos) value = comment.substr(start);
    };
    read(accelerator_comment, made_for.accelerator);
    read(hash_comment, made_for.hash);
  }
  made_for.check(sites, where);
  const bool by_name = std::find(columns.begin(), columns.end(), "fault") != columns.end();
  std::vector<FaultMap> chips;
  while (lines.next(fields)) {
    // A line may end early; what is missing counts as empty.
    if (fields.size() > columns.size()) {
      throw InputError(lines.here(), std::to_string(fields.size()) + " fields",
                       std::to_string(columns.size()) + ", as the header has");
    }
    fields.resize(columns.size());
    const auto value_of = [&](const char* column) -> const std::string* {
      for (size_t i = 0; i < columns.size(); ++i) {
        if (columns[i] == column && !fields[i].empty()) return &fields[i];
      }
      return nullptr;
    };
    const std::string* chip_text = value_of("chip");
    const auto chip =
        chip_text == nullptr
            ? size_t{0}
            : static_cast<size_t>(number_of(*chip_text, "chip", 0, most_chips, lines.here()));
    if (chip >= chips.size()) chips.resize(chip + 1);
    const bool empty = value_of(by_name ? "fault" : "site") == nullptr;
    if (empty && value_of("part") == nullptr) continue;  // a chip without a fault
    chips[chip].faults.push_back(by_name ? named_fault(*value_of("fault"), sites, lines.here())
                                         : fault_from_columns(value_of, sites, lines.here()));
  }
  finish(chips, made_for, sites, where);
  return chips;
}

std::string fault_json(const std::vector<FaultMap>& chips) {
  Json json;
  json["schema"] = text_schema;
  json["schema_version"] = text_version;
  json["accelerator"] = chips.empty() ? "" : chips.front().accelerator;
  if (!chips.empty() && !chips.front().accelerator_hash.empty()) {
    json["accelerator_hash"] = chips.front().accelerator_hash;
  }
  json["chips"] = Json::array();
  for (const FaultMap& chip : chips) {
    auto names = Json::array();
    for (const Fault& fault : chip.faults) names.push_back(name(fault));
    json["chips"].push_back(std::move(names));
  }
  return json.dump(1) + "\n";
}

std::vector<FaultMap> parse_fault_json(std::string_view text, const std::string& where,
                                       const SiteIndex* sites) {
  const Json json = parse_json(text, where);
  const JsonObject document(json, where);
  if (document.text("schema") != text_schema) {
    throw InputError(where, "schema '" + document.text("schema") + "'", text_schema);
  }
  document.integer("schema_version", text_version, text_version);
  MadeFor made_for;
  if (document.has("accelerator")) made_for.accelerator = document.text("accelerator");
  if (document.has("accelerator_hash")) made_for.hash = document.text("accelerator_hash");
  const Json& listed = document.list("chips");
  document.finish();
  if (listed.size() > static_cast<size_t>(most_chips)) {
    throw InputError(where, std::to_string(listed.size()) + " chips",
                     "at most " + std::to_string(most_chips));
  }
  made_for.check(sites, where);
  std::vector<FaultMap> chips;
  for (const Json& chip : listed) {
    const std::string chip_place = "chips[" + std::to_string(chips.size()) + "]";
    if (!chip.is_array()) {
      throw InputError(where, chip_place + " is " + shown(chip), "an array of faults");
    }
    FaultMap& map = chips.emplace_back();
    for (const auto& fault : chip) {
      const std::string place =
          where + ": " + chip_place + "[" + std::to_string(map.faults.size()) + "]";
      if (fault.is_string()) {
        map.faults.push_back(named_fault(fault.get<std::string>(), sites, place));
        continue;
      }
      if (!fault.is_object()) throw InputError(place, "no fault", "a name or an object");
      std::map<std::string, std::string> columns;
      std::vector<std::string> header;
      for (const auto& [key, value] : fault.items()) {
        if (!value.is_string() && !value.is_number_integer()) {
          throw InputError(place, key.substr(0, 100) + " is no text or integer");
        }
        header.push_back(key);
        columns[key] = value.is_string() ? value.get<std::string>() : value.dump();
      }
      check_header(header, place);
      const auto value_of = [&](const char* column) -> const std::string* {
        const auto found = columns.find(column);
        return found == columns.end() ? nullptr : &found->second;
      };
      if (value_of("fault") != nullptr || value_of("chip") != nullptr) {
        throw InputError(place, "a key 'fault' or 'chip'", "site, part, coordinates and value");
      }
      map.faults.push_back(fault_from_columns(value_of, sites, place));
    }
  }
  finish(chips, made_for, sites, where);
  return chips;
}

std::vector<FaultMap> read_fault_file(const std::string& path, const SiteIndex* sites) {
  const bool is_csv = path.ends_with(".csv");
  if (is_csv || path.ends_with(".json")) {
    const auto bytes = read_plain_file(path);
    const std::string text(bytes.begin(), bytes.end());
    return is_csv ? parse_fault_csv(text, path, sites) : parse_fault_json(text, path, sites);
  }
  if (!path.ends_with(".h5") && !path.ends_with(".hdf5")) {
    throw InputError(path, "unknown kind of file", "a name that ends in .h5, .hdf5, .csv or .json");
  }
  std::vector<FaultMap> chips = read_fault_maps(path);
  for (size_t i = 0; sites != nullptr && i < chips.size(); ++i) {
    validate(chips[i], *sites, path + ": chip " + std::to_string(i));
    chips[i].accelerator_hash = sites->accelerator_hash();
  }
  return chips;
}

std::string fault_map_configuration(const std::string& path) {
  if (!path.ends_with(".h5") && !path.ends_with(".hdf5")) return {};
  return Hdf5File::open(path).read_strings("/configuration", 1).front();
}

}  // namespace stuckat
