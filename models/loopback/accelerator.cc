#include "models/loopback/accelerator.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "workloads/errors.h"
#include "workloads/json_file.h"

namespace stuckat::loopback {
namespace {

constexpr int64_t max_buffer_bytes = int64_t{1} << 40;
constexpr size_t longest_name = 100;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

/// The file's name as a name of an accelerator.
std::string name_of_file(const std::string& path) {
  std::string name = std::filesystem::path(path).stem().string().substr(0, longest_name);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !is_plain(c); }, '_');
  return name.empty() ? "unnamed" : name;
}

/// One integer of `Object`: its key, where it is kept, its range.
template <typename Object>
struct IntegerRow {
  const char* key;
  int64_t Object::*member;
  int64_t least;
  int64_t greatest;
};

const std::vector<IntegerRow<LoopbackAccelerator>>& array_rows() {
  using A = LoopbackAccelerator;
  static const std::vector<IntegerRow<A>> rows = {
      {"pe", &A::pe, 1, 4096},
      {"simd", &A::simd, 1, 4096},
      {"weight_buffer_bytes", &A::weight_buffer_bytes, 1, max_buffer_bytes},
      {"activation_buffer_bytes", &A::activation_buffer_bytes, 1, max_buffer_bytes},
      {"control_cycles", &A::control_cycles, 0, 1'000'000'000},
      {"pipeline_cycles", &A::pipeline_cycles, 0, 1'000'000},
      {"accumulator_bits", &A::accumulator_bits, 0, 32},
      {"threshold_bits", &A::threshold_bits, 0, 32},
  };
  return rows;
}

const std::vector<IntegerRow<MemoryParams>>& memory_rows() {
  using M = MemoryParams;
  static const std::vector<IntegerRow<M>> rows = {
      {"bytes_per_cycle", &M::bytes_per_cycle, 1, 65536},
      {"latency_cycles", &M::latency_cycles, 0, 1'000'000},
      {"burst_bytes", &M::burst_bytes, 1, int64_t{1} << 20},
      {"outstanding_bursts", &M::outstanding_bursts, 1, 1024},
  };
  return rows;
}

struct ScheduleRow {
  const char* name;
  Schedule schedule;
};
constexpr ScheduleRow schedule_rows[] = {{"channel_parallel", Schedule::channel_parallel},
                                         {"pixel_parallel", Schedule::pixel_parallel}};

[[noreturn]] void throw_value(const std::string& where, const std::string& key, const Json& value,
                              const std::string& expected) {
  throw InputError(where, "'" + key + "' is " + shown(value), expected);
}

template <typename Object>
std::string range_of(const IntegerRow<Object>& row) {
  return "an integer from " + std::to_string(row.least) + " to " + std::to_string(row.greatest);
}

template <typename Object>
void check_ranges(const std::vector<IntegerRow<Object>>& rows, const Object& object,
                  const std::string& where) {
  for (const auto& row : rows) {
    const int64_t value = object.*(row.member);
    if (value < row.least || value > row.greatest)
      throw_value(where, row.key, value, range_of(row));
  }
}

template <typename Object>
bool read_integer(const std::vector<IntegerRow<Object>>& rows, const std::string& key,
                  const Json& value, const std::string& where, Object& object) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](auto& r) { return key == r.key; });
  if (row == rows.end()) return false;
  object.*(row->member) = json_integer(value, row->least, row->greatest, where, key);
  return true;
}

template <typename Object>
std::vector<std::string> keys_of(const std::vector<IntegerRow<Object>>& rows) {
  std::vector<std::string> keys;
  for (const auto& row : rows) keys.emplace_back(row.key);
  return keys;
}

bool read_boolean(const std::string& key, const Json& value, const std::string& where) {
  if (!value.is_boolean()) throw_value(where, key, value, "true or false");
  return value.get<bool>();
}

Schedule read_schedule(const Json& value, const std::string& where) {
  if (!value.is_string()) throw_value(where, "schedule", value, "a string");
  const std::string name = value.get<std::string>();
  std::vector<std::string> known;
  for (const ScheduleRow& row : schedule_rows) {
    if (name == row.name) return row.schedule;
    known.emplace_back(row.name);
  }
  throw_unknown_name(where, "schedule", name, known);
}

std::string read_name(const Json& value, const std::string& where) {
  std::string name = value.is_string() ? value.get<std::string>() : std::string();
  const bool plain = std::all_of(name.begin(), name.end(), is_plain);
  if (name.empty() || name.size() > longest_name || !plain) {
    throw_value(where, "name", value, "1 to 100 letters, digits, '.', '_' or '-'");
  }
  return name;
}

MemoryParams read_memory(const Json& object, const std::string& where) {
  if (!object.is_object()) throw_value(where, "memory", object, "an object");
  MemoryParams memory;
  for (const auto& [key, value] : object.items()) {
    if (!read_integer(memory_rows(), key, value, where + ": memory", memory)) {
      throw_unknown_name(where + ": memory", "key", key, keys_of(memory_rows()));
    }
  }
  return memory;
}

/// "32x64" -> 32 and 64; false if the text does not have that form.
bool read_shape(std::string_view text, const std::string& where, LoopbackAccelerator& result) {
  const size_t x = text.find('x');
  if (x == std::string_view::npos) return false;
  const std::string_view halves[] = {text.substr(0, x), text.substr(x + 1)};
  constexpr size_t longest = 9;
  int64_t numbers[2] = {};
  for (int i = 0; i < 2; ++i) {
    const bool digits = std::all_of(halves[i].begin(), halves[i].end(),
                                    [](char c) { return c >= '0' && c <= '9'; });
    if (halves[i].empty() || !digits) return false;
    numbers[i] = halves[i].size() > longest ? -1 : std::stoll(std::string(halves[i]));
  }
  const auto& rows = array_rows();
  if (numbers[0] < rows[0].least || numbers[0] > rows[0].greatest || numbers[1] < rows[1].least ||
      numbers[1] > rows[1].greatest) {
    throw InputError(where, "an array of " + std::string(text), "PE and SIMD from 1 to 4096");
  }
  result.pe = numbers[0];
  result.simd = numbers[1];
  result.name = std::to_string(result.pe) + "x" + std::to_string(result.simd);
  return true;
}

}  // namespace

void validate(const LoopbackAccelerator& accelerator) {
  const std::string where = "loopback:" + accelerator.name;
  check_ranges(array_rows(), accelerator, where);
  check_ranges(memory_rows(), accelerator.memory, where);
}

LoopbackAccelerator parse_loopback(std::string_view text) {
  constexpr std::string_view prefix = "loopback:";
  const std::string where(text);
  if (text.substr(0, prefix.size()) != prefix || text.size() == prefix.size()) {
    throw InputError(where, "not a loopback accelerator", "loopback:32x64 or loopback:FILE.json");
  }
  const std::string rest(text.substr(prefix.size()));
  LoopbackAccelerator result;
  if (read_shape(rest, where, result)) return result;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(rest, ignored)) {
    throw InputError(rest, "cannot be read", "an accelerator like 32x64, or a JSON file");
  }
  return loopback_from_json(read_text(rest, most_description_bytes), rest, name_of_file(rest));
}

LoopbackAccelerator loopback_from_json(const std::string& json, const std::string& where,
                                       const std::string& default_name) {
  const Json object = parse_json(json, where, most_description_bytes);
  if (!object.is_object()) throw InputError(where, "is " + shown(object), "one JSON object");
  LoopbackAccelerator result;
  result.name = default_name;
  for (const char* required : {"pe", "simd"}) {
    if (!object.contains(required)) {
      throw InputError(where, "key '" + std::string(required) + "' is missing", "pe and simd");
    }
  }
  for (const auto& [key, value] : object.items()) {
    if (read_integer(array_rows(), key, value, where, result)) continue;
    if (key == "name") {
      result.name = read_name(value, where);
    } else if (key == "schedule") {
      result.schedule = read_schedule(value, where);
    } else if (key == "host_first_last") {
      result.host_first_last = read_boolean(key, value, where);
    } else if (key == "double_buffering") {
      result.double_buffering = read_boolean(key, value, where);
    } else if (key == "memory") {
      result.memory = read_memory(value, where);
    } else {
      std::vector<std::string> known = keys_of(array_rows());
      for (const char* k : {"name", "schedule", "host_first_last", "double_buffering", "memory"}) {
        known.emplace_back(k);
      }
      throw_unknown_name(where, "key", key, known);
    }
  }
  return result;
}

std::string to_json(const LoopbackAccelerator& accelerator) {
  Json object;
  object["name"] = accelerator.name;
  for (const auto& row : array_rows()) object[row.key] = accelerator.*(row.member);
  for (const ScheduleRow& row : schedule_rows) {
    if (row.schedule == accelerator.schedule) object["schedule"] = row.name;
  }
  object["host_first_last"] = accelerator.host_first_last;
  object["double_buffering"] = accelerator.double_buffering;
  for (const auto& row : memory_rows())
    object["memory"][row.key] = accelerator.memory.*(row.member);
  return object.dump(2) + "\n";
}

}  // namespace stuckat::loopback
