#include "tools/stuckat/simulation_json.h"

#include <fstream>
#include <iterator>

#include "workloads/errors.h"

namespace stuckat::cli {
namespace {

using Json = nlohmann::ordered_json;

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

/// Reads members of one JSON object, complaining with its path in the file.
class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json_.is_object()) throw InputError(where_, "is no object", "a JSON object");
  }
  const Json& member(const char* name) const {
    const auto found = json_.find(name);
    if (found == json_.end()) throw InputError(where_, std::string("has no '") + name + "'");
    return *found;
  }
  bool is_null(const char* name) const { return member(name).is_null(); }
  std::string text(const char* name) const {
    if (!member(name).is_string()) fail(name, "a text");
    return member(name).get<std::string>();
  }
  int64_t count(const char* name) const {
    const Json& value = member(name);
    if (!value.is_number_integer() || value.get<int64_t>() < 0) fail(name, "an integer >= 0");
    return value.get<int64_t>();
  }
  double number(const char* name) const {
    if (!member(name).is_number() || member(name).get<double>() < 0) fail(name, "a number >= 0");
    return member(name).get<double>();
  }
  bool truth(const char* name) const {
    if (!member(name).is_boolean()) fail(name, "true or false");
    return member(name).get<bool>();
  }
  std::vector<std::string> texts(const char* name) const {
    std::vector<std::string> result;
    for (const Json& item : list(name)) {
      if (!item.is_string()) fail(name, "a list of texts");
      result.push_back(item.get<std::string>());
    }
    return result;
  }
  std::vector<int64_t> counts(const char* name) const {
    std::vector<int64_t> result;
    for (const Json& item : list(name)) {
      if (!item.is_number_integer() || item.get<int64_t>() < 0)
        fail(name, "a list of integers >= 0");
      result.push_back(item.get<int64_t>());
    }
    return result;
  }
  const Json& list(const char* name) const {
    if (!member(name).is_array()) fail(name, "a list");
    return member(name);
  }
  std::vector<Reader> objects(const char* name) const {
    std::vector<Reader> result;
    for (const Json& item : list(name)) result.emplace_back(item, where_ + ": " + name);
    return result;
  }

 private:
  [[noreturn]] void fail(const char* name, const char* expected) const {
    throw InputError(where_, std::string("'") + name + "' is " + member(name).dump().substr(0, 40),
                     expected);
  }
  const Json& json_;
  std::string where_;
};

}  // namespace

nlohmann::ordered_json to_json(const report::Simulation& s) {
  Json json;
  json["schema"] = "stuckat.simulation";
  json["network"] = s.network;
  json["accelerator"] = s.accelerator;
  json["images"] = s.images;
  json["first_image_cycles"] = s.first_image_cycles;
  json["interval_cycles"] = s.interval_cycles ? Json(*s.interval_cycles) : Json(nullptr);
  json["total_cycles"] = s.total_cycles;
  json["bottleneck"] = s.bottleneck;
  json["clock_mhz"] = s.clock_mhz;
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
  std::ifstream in(path, std::ios::binary);
  if (!in) throw InputError(path, "cannot be opened", "a result of 'stuckat sim --json'");
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const Json json = Json::parse(text, nullptr, false);
  const Reader top(json, path);
  if (top.text("schema") != "stuckat.simulation") {
    throw InputError(path, "schema '" + top.text("schema") + "'", "stuckat.simulation");
  }
  report::Simulation s;
  s.network = top.text("network");
  s.accelerator = top.text("accelerator");
  s.images = top.count("images");
  s.first_image_cycles = top.count("first_image_cycles");
  if (!top.is_null("interval_cycles")) s.interval_cycles = top.count("interval_cycles");
  s.total_cycles = top.count("total_cycles");
  s.bottleneck = top.text("bottleneck");
  s.clock_mhz = top.number("clock_mhz");
  for (const Reader& row : top.objects("modules")) {
    ModuleStatistics m;
    m.name = row.text("name");
    for (const auto& f : module_fields) m.*f.field = row.count(f.name);
    s.modules.push_back(m);
  }
  for (const Reader& row : top.objects("streams")) {
    s.streams.push_back({row.text("name"), static_cast<int>(row.count("depth")), row.count("words"),
                         static_cast<int>(row.count("high_water")), row.counts("cycles_at")});
  }
  for (const Reader& row : top.objects("layers")) {
    s.layers.push_back({row.text("name"), row.count("cycles"), row.number("utilisation")});
  }
  s.faults = top.texts("faults");
  s.effects = top.texts("effects");
  if (!top.is_null("agrees_with_reference"))
    s.agrees_with_reference = top.truth("agrees_with_reference");
  for (const Reader& row : top.objects("predictions")) {
    s.predictions.push_back(
        {row.count("image"), row.text("label"), row.text("fault_free"), row.text("faulty")});
  }
  return s;
}

}  // namespace stuckat::cli
