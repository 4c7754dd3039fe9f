#include "models/loopback/accelerator.h"

#include <vector>

#include "models/common/json_rows.h"
#include "workloads/errors.h"

namespace stuckat::loopback {
namespace {

constexpr int64_t max_buffer_bytes = int64_t{1} << 40;

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

struct ScheduleRow {
  const char* name;
  Schedule schedule;
};
constexpr ScheduleRow schedule_rows[] = {{"channel_parallel", Schedule::channel_parallel},
                                         {"pixel_parallel", Schedule::pixel_parallel}};

Schedule read_schedule(const Json& value, const std::string& where) {
  const std::string name = read_string("schedule", value, where);
  std::vector<std::string> known;
  for (const ScheduleRow& row : schedule_rows) {
    if (name == row.name) return row.schedule;
    known.emplace_back(row.name);
  }
  throw_unknown_name(where, "schedule", name, known);
}

/// "32x64" -> 32 and 64; false if the text does not have that form.
bool read_array(std::string_view text, const std::string& where, LoopbackAccelerator& result) {
  if (!read_shape(text, result.pe, result.simd)) return false;
  const auto& rows = array_rows();
  if (result.pe < rows[0].least || result.pe > rows[0].greatest || result.simd < rows[1].least ||
      result.simd > rows[1].greatest) {
    throw InputError(where, "an array of " + std::string(text), "PE and SIMD from 1 to 4096");
  }
  result.name = std::to_string(result.pe) + "x" + std::to_string(result.simd);
  return true;
}

}  // namespace

void validate(const LoopbackAccelerator& accelerator) {
  const std::string where = "loopback:" + accelerator.name;
  check_ranges(array_rows(), accelerator, where);
  check_ranges(memory::memory_rows(), accelerator.memory, where);
}

LoopbackAccelerator parse_loopback(std::string_view text) {
  constexpr std::string_view prefix = "loopback:";
  const std::string where(text);
  if (text.substr(0, prefix.size()) != prefix || text.size() == prefix.size()) {
    throw InputError(where, "not a loopback accelerator", "loopback:32x64 or loopback:FILE.json");
  }
  const std::string rest(text.substr(prefix.size()));
  LoopbackAccelerator result;
  if (read_array(rest, where, result)) return result;
  return loopback_from_json(read_description_file(rest, "32x64"), rest, name_of_file(rest));
}

LoopbackAccelerator loopback_from_json(const std::string& json, const std::string& where,
                                       const std::string& default_name) {
  const Json object = read_description(json, where, {"pe", "simd"});
  LoopbackAccelerator result;
  result.name = default_name;
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
      result.memory = memory::read_memory(value, where);
    } else {
      throw_unknown_name(where, "key", key,
                         keys_of(array_rows(), {"name", "schedule", "host_first_last",
                                                "double_buffering", "memory"}));
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
  object["memory"] = memory::to_json(accelerator.memory);
  return object.dump(2) + "\n";
}

}  // namespace stuckat::loopback
