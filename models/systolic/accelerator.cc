#include "models/systolic/accelerator.h"

#include <algorithm>
#include <vector>

#include "models/common/json_rows.h"
#include "workloads/errors.h"

namespace stuckat::systolic {
namespace {

const std::vector<IntegerRow<SystolicAccelerator>>& array_rows() {
  using A = SystolicAccelerator;
  static const std::vector<IntegerRow<A>> rows = {
      {"rows", &A::rows, 1, 256},
      {"columns", &A::columns, 1, 256},
      {"sum_bits", &A::sum_bits, 2, 32},
      {"accumulator_bits", &A::accumulator_bits, 2, 32},
      {"accumulator_depth", &A::accumulator_depth, 1, 65536},
      {"weight_tiles", &A::weight_tiles, 1, 64},
  };
  return rows;
}

struct MappingRow {
  const char* name;
  SystolicMapping mapping;
};
constexpr MappingRow mapping_rows[] = {{"channel", SystolicMapping::channel},
                                       {"im2col", SystolicMapping::im2col}};

SystolicMapping parse_mapping(const std::string& name, const std::string& where) {
  std::vector<std::string> known;
  for (const MappingRow& row : mapping_rows) {
    if (name == row.name) return row.mapping;
    known.emplace_back(row.name);
  }
  throw_unknown_name(where, "mapping", name, known);
}

bool is_mapping(const std::string& name) {
  return std::any_of(std::begin(mapping_rows), std::end(mapping_rows),
                     [&](const MappingRow& row) { return name == row.name; });
}

}  // namespace

const char* name_of(SystolicMapping mapping) {
  for (const MappingRow& row : mapping_rows) {
    if (row.mapping == mapping) return row.name;
  }
  return "";
}

void validate(const SystolicAccelerator& accelerator) {
  const std::string where = "systolic:" + accelerator.name;
  check_ranges(array_rows(), accelerator, where);
  if (accelerator.memory) check_ranges(memory::memory_rows(), *accelerator.memory, where);
  parse_schedule(accelerator.schedule, where);
}

SystolicAccelerator parse_systolic(std::string_view text) {
  constexpr std::string_view prefix = "systolic:";
  const std::string where(text);
  if (text.substr(0, prefix.size()) != prefix || text.size() == prefix.size()) {
    throw InputError(where, "not a systolic array", "systolic:32x32 or systolic:FILE.json");
  }
  const std::string rest(text.substr(prefix.size()));
  std::vector<std::string> parts = {""};
  for (const char c : rest) {
    if (c == ':')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  SystolicAccelerator result;
  if (!read_shape(parts.front(), result.rows, result.columns)) {
    return systolic_from_json(read_description_file(rest, "32x32"), rest, name_of_file(rest));
  }
  for (size_t i = 1; i < parts.size(); ++i) {
    if (parts[i] == "memory")
      result.memory.emplace();
    else if (is_mapping(parts[i]))
      result.mapping = parse_mapping(parts[i], where);
    else
      result.schedule = parse_schedule(parts[i], where).name;
  }
  result.name = rest;
  validate(result);
  return result;
}

SystolicAccelerator systolic_from_json(const std::string& json, const std::string& where,
                                       const std::string& default_name) {
  const Json object = read_description(json, where, {"rows", "columns"});
  SystolicAccelerator result;
  result.name = default_name;
  for (const auto& [key, value] : object.items()) {
    if (read_integer(array_rows(), key, value, where, result)) continue;
    if (key == "name") {
      result.name = read_name(value, where, ":");
    } else if (key == "schedule") {
      result.schedule = parse_schedule(read_string(key, value, where), where).name;
    } else if (key == "mapping") {
      result.mapping = parse_mapping(read_string(key, value, where), where);
    } else if (key == "memory") {
      result.memory = memory::read_memory(value, where);
    } else {
      throw_unknown_name(where, "key", key,
                         keys_of(array_rows(), {"name", "schedule", "mapping", "memory"}));
    }
  }
  return result;
}

std::string to_json(const SystolicAccelerator& accelerator) {
  Json object;
  object["name"] = accelerator.name;
  for (const auto& row : array_rows()) object[row.key] = accelerator.*(row.member);
  object["schedule"] = accelerator.schedule;
  object["mapping"] = name_of(accelerator.mapping);
  if (accelerator.memory) object["memory"] = memory::to_json(*accelerator.memory);
  return object.dump(2) + "\n";
}

}  // namespace stuckat::systolic
