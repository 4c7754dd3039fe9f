#include "tools/stuckat/simulation_json.h"

#include <algorithm>

#include "workloads/errors.h"
#include "workloads/json_file.h"

namespace stuckat::cli {
namespace {

struct ModuleField {
  const char* name;
  int64_t ModuleStatistics::*field;
};
constexpr ModuleField module_fields[] = {
    {"busy_cycles", &ModuleStatistics::busy_cycles},
    {"starved_cycles", &ModuleStatistics::starved_cycles},
    {"blocked_cycles", &ModuleStatistics::blocked_cycles},
    {"memory_cycles", &ModuleStatistics::memory_cycles},
    {"control_cycles", &ModuleStatistics::control_cycles},
    {"draining_cycles", &ModuleStatistics::draining_cycles},
    {"idle_cycles", &ModuleStatistics::idle_cycles},
};

/// What a run can reach: all cycles of all parts of one file add up within int64_t.
constexpr int64_t most_cycles = int64_t{1} << 46;
constexpr int most_depth = 1 << 24;
constexpr size_t most_rows = 1 << 14;

const Json& rows_of(const JsonObject& top, const char* name) {
  const Json& rows = top.list(name);
  if (rows.size() > most_rows) {
    throw InputError(top.where(), std::to_string(rows.size()) + " " + name,
                     "at most " + std::to_string(most_rows));
  }
  return rows;
}

StreamStatistics read_stream(const JsonObject& row) {
  StreamStatistics stream{
      row.text("name"), row.int_of("depth", 0, most_depth), row.integer("words", 0, most_cycles),
      row.int_of("high_water", 0, most_depth), row.integers("cycles_at", 0, most_cycles)};
  row.finish();
  const auto& cycles_at = stream.cycles_at;
  const bool counted =
      std::any_of(cycles_at.begin(), cycles_at.end(), [](auto c) { return c > 0; });
  if (stream.high_water > stream.depth ||
      cycles_at.size() > static_cast<size_t>(stream.depth) + 1 ||
      (!cycles_at.empty() && !counted)) {
    throw InputError(row.where(),
                     "'" + stream.name + "' holds more words than it can, or none ever",
                     "high_water and cycles_at within its depth, cycles in some of them");
  }
  return stream;
}

}  // namespace

nlohmann::ordered_json to_json(const report::Simulation& s) {
  Json json;
  json["schema"] = "stuckat.simulation";
  json["schema_version"] = 1;
  json["network"] = s.network;
  json["accelerator"] = s.accelerator;
  if (!s.data.empty()) json["data"] = s.data;
  if (!s.data_hash.empty()) json["data_hash"] = s.data_hash;
  json["images"] = s.images;
  json["first_image_cycles"] = s.first_image_cycles;
  json["interval_cycles"] = s.interval_cycles ? Json(*s.interval_cycles) : Json(nullptr);
  json["total_cycles"] = s.total_cycles;
  json["bottleneck"] = s.bottleneck;
  json["clock_mhz"] = s.clock_mhz;
  if (s.clock_mhz > 0) {
    const int64_t interval = s.interval_cycles.value_or(s.first_image_cycles);
    json["frames_per_second"] =
        s.clock_mhz * 1e6 / static_cast<double>(std::max<int64_t>(1, interval));
  }
  json["modules"] = Json::array();
  for (const auto& m : s.modules) {
    Json row = {{"name", m.name}};
    for (const auto& f : module_fields) row[f.name] = m.*f.field;
    json["modules"].push_back(row);
  }
  json["streams"] = Json::array();
  for (const auto& f : s.streams) {
    json["streams"].push_back({{"name", f.name},
                               {"depth", f.depth},
                               {"words", f.words},
                               {"high_water", f.high_water},
                               {"cycles_at", f.cycles_at}});
  }
  json["layers"] = Json::array();
  for (const auto& l : s.layers) {
    json["layers"].push_back(
        {{"name", l.name}, {"cycles", l.cycles}, {"utilisation", l.utilisation}});
  }
  json["faults"] = s.faults;
  json["effects"] = s.effects;
  for (const auto& r : s.reports) {
    json["comparators"].push_back({{"pe", r.pe}, {"outputs", r.outputs}});
  }
  json["agrees_with_reference"] =
      s.agrees_with_reference ? Json(*s.agrees_with_reference) : Json(nullptr);
  json["predictions"] = Json::array();
  for (const auto& p : s.predictions) {
    json["predictions"].push_back({{"image", p.image},
                                   {"label", p.label},
                                   {"fault_free", p.fault_free},
                                   {"faulty", p.faulty}});
  }
  return json;
}

report::Simulation read_simulation(const std::string& path) {
  const Json json = read_json_file(path);
  const JsonObject top(json, path);
  if (top.text("schema") != "stuckat.simulation") {
    throw InputError(path, "schema '" + top.text("schema") + "'", "stuckat.simulation");
  }
  if (top.has("schema_version")) top.integer("schema_version", 1, 1);
  report::Simulation s;
  s.network = top.text("network");
  s.accelerator = top.text("accelerator");
  if (top.has("data")) s.data = top.text("data");
  if (top.has("data_hash")) s.data_hash = top.text("data_hash");
  s.images = top.integer("images", 1, INT32_MAX);
  s.first_image_cycles = top.integer("first_image_cycles", 0, most_cycles);
  if (!top.is_null("interval_cycles")) {
    s.interval_cycles = top.integer("interval_cycles", 1, most_cycles);
  }
  s.total_cycles = top.integer("total_cycles", 0, most_cycles);
  s.bottleneck = top.text("bottleneck");
  s.clock_mhz = top.number("clock_mhz", 0, 1e6);
  rows_of(top, "modules");
  for (const JsonObject& row : top.objects("modules")) {
    ModuleStatistics m;
    m.name = row.text("name");
    for (const auto& f : module_fields) m.*f.field = row.integer(f.name, 0, most_cycles);
    row.finish();
    s.modules.push_back(m);
  }
  rows_of(top, "streams");
  for (const JsonObject& row : top.objects("streams")) s.streams.push_back(read_stream(row));
  rows_of(top, "layers");
  for (const JsonObject& row : top.objects("layers")) {
    s.layers.push_back(
        {row.text("name"), row.integer("cycles", 0, most_cycles), row.number("utilisation", 0, 1)});
    row.finish();
  }
  s.faults = top.texts("faults");
  s.effects = top.texts("effects");
  if (top.has("comparators")) {
    rows_of(top, "comparators");
    for (const JsonObject& row : top.objects("comparators")) {
      s.reports.push_back({row.text("pe"), row.integer("outputs", 1, most_cycles)});
      row.finish();
    }
  }
  if (!top.is_null("agrees_with_reference"))
    s.agrees_with_reference = top.truth("agrees_with_reference");
  for (const JsonObject& row : top.objects("predictions")) {
    s.predictions.push_back({row.integer("image", 0, INT32_MAX), row.text("label"),
                             row.text("fault_free"), row.text("faulty")});
    row.finish();
  }
  top.has("configuration");
  top.has("frames_per_second");  // follows from the others
  top.finish();
  return s;
}

}  // namespace stuckat::cli
