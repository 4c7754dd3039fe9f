// Descriptions in JSON, one table row for each key: models/dataflow/FORMAT.md.
#include <algorithm>
#include <set>

#include "models/dataflow/accelerator.h"
#include "models/dataflow/finn_folding.h"
#include "models/dataflow/finn_specialize.h"
#include "models/dataflow/json_fields.h"
#include "workloads/errors.h"

namespace stuckat::dataflow {
namespace {

template <typename Object>
struct IntegerRow {
  const char* key;
  int Object::*member;
};

const std::vector<IntegerRow<Latencies>>& latency_rows() {
  using L = Latencies;
  static const std::vector<IntegerRow<L>> rows = {
      {"mvtu", &L::mvtu},        {"sliding_window", &L::sliding_window},
      {"padding", &L::padding},  {"width_converter", &L::width_converter},
      {"memory", &L::memory},    {"max_pool", &L::max_pool},
      {"junction", &L::junction}};
  return rows;
}

const std::vector<IntegerRow<LayerParams>>& layer_rows() {
  using L = LayerParams;
  static const std::vector<IntegerRow<L>> rows = {{"pe", &L::pe},
                                                  {"simd", &L::simd},
                                                  {"window_simd", &L::window_simd},
                                                  {"accumulator_bits", &L::accumulator_bits},
                                                  {"threshold_bits", &L::threshold_bits},
                                                  {"padded_rows", &L::padded_rows},
                                                  {"word_bits", &L::word_bits},
                                                  {"out_depth", &L::out_depth},
                                                  {"inner_depth", &L::inner_depth},
                                                  {"dsp", &L::dsp},
                                                  {"segment_length", &L::segment_length},
                                                  {"threshold_pe", &L::threshold_pe}};
  return rows;
}

const std::vector<IntegerRow<DataflowAccelerator>>& accelerator_rows() {
  using A = DataflowAccelerator;
  static const std::vector<IntegerRow<A>> rows = {{"memory_word_bits", &A::memory_word_bits},
                                                  {"input_depth", &A::input_depth}};
  return rows;
}

template <typename Object>
void add_keys(const std::vector<IntegerRow<Object>>& rows, std::vector<std::string>& keys) {
  for (const auto& row : rows) keys.emplace_back(row.key);
}

void check_keys(const Json& object, const std::vector<std::string>& known,
                const std::string& where) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw_unknown_name(where, "key", key, known);
    }
  }
}

template <typename Object>
void read_integers(const Json& json, const std::vector<IntegerRow<Object>>& rows, Object& object,
                   const std::string& where) {
  for (const auto& row : rows) {
    if (const auto found = json.find(row.key); found != json.end()) {
      object.*row.member = integer(*found, where, row.key);
    }
  }
}

template <typename Choice>
struct ChoiceRow {
  const char* name;
  Choice choice;
};
constexpr ChoiceRow<Discipline> disciplines[] = {{"stalling", Discipline::stalling},
                                                 {"flushing", Discipline::flushing}};
constexpr ChoiceRow<WindowVersion> window_versions[] = {{"hls", WindowVersion::hls},
                                                        {"rtl", WindowVersion::rtl},
                                                        {"parallel", WindowVersion::parallel}};
constexpr ChoiceRow<Backend> backend_names[] = {{"hls", Backend::hls}, {"rtl", Backend::rtl}};

struct BackendRow {
  const char* key;
  Backend LayerParts::*member;
};
constexpr ChoiceRow<Backend> threshold_places[] = {{"inside", Backend::hls}, {"rtl", Backend::rtl}};
constexpr BackendRow backend_rows[] = {{"mvtu", &LayerParts::mvtu},
                                       {"padding", &LayerParts::padding},
                                       {"width_converter", &LayerParts::width_converter}};

template <typename Choice, size_t size>
void read_choice(const Json& json, const char* key, const ChoiceRow<Choice> (&rows)[size],
                 const std::string& where, Choice& choice) {
  const auto value = json.find(key);
  if (value == json.end()) return;
  for (const auto& row : rows) {
    if (*value != row.name) continue;
    choice = row.choice;
    return;
  }
  std::string expected;
  for (const auto& row : rows) {
    expected += std::string(expected.empty() ? "" : " or ") + '"' + row.name + '"';
  }
  throw InputError(where, "'" + std::string(key) + "' is " + shown(*value), expected);
}

template <typename Choice, size_t size>
const char* choice_name(const ChoiceRow<Choice> (&rows)[size], Choice choice) {
  return std::find_if(rows, rows + size, [&](const auto& row) { return row.choice == choice; })
      ->name;
}

void read_latency(const Json& json, const std::string& where, Latencies& latency) {
  const auto found = json.find("latency");
  if (found == json.end()) return;
  require_object(*found, where, "'latency'");
  std::vector<std::string> parts;
  add_keys(latency_rows(), parts);
  check_keys(*found, parts, where + ": latency");
  read_integers(*found, latency_rows(), latency, where + ": latency");
}

void read_parts(const Json& json, const std::string& where, LayerParts& parts) {
  const auto found = json.find("parts");
  if (found == json.end()) return;
  require_object(*found, where, "'parts'");
  std::vector<std::string> keys = {"sliding_window", "thresholding"};
  for (const BackendRow& row : backend_rows) keys.emplace_back(row.key);
  check_keys(*found, keys, where + ": parts");
  read_choice(*found, "sliding_window", window_versions, where + ": parts", parts.sliding_window);
  for (const BackendRow& row : backend_rows) {
    read_choice(*found, row.key, backend_names, where + ": parts", parts.*row.member);
  }
  if (found->contains("mvtu")) parts.thresholding = parts.mvtu;
  read_choice(*found, "thresholding", threshold_places, where + ": parts", parts.thresholding);
}

Json parts_json(const LayerParts& parts) {
  Json json;
  json["sliding_window"] = choice_name(window_versions, parts.sliding_window);
  json["thresholding"] = choice_name(threshold_places, parts.thresholding);
  for (const BackendRow& row : backend_rows) {
    json[row.key] = choice_name(backend_names, parts.*row.member);
  }
  return json;
}

/// Whether a layer has a parameter of MVTUs and joins.
bool has(const Layer& layer, const std::string& key) {
  if (key == "pe") return layer.part() == HardwarePart::pe_array || is_join(layer);
  return key != "simd" || layer.part() == HardwarePart::pe_array;
}

void read_depths(const Json& json, const std::string& where, std::vector<int>& depths) {
  const auto found = json.find("in_depths");
  if (found == json.end()) return;
  const auto is_depth = [](const Json& depth) {
    return depth.is_number_integer() && depth >= 0 && depth <= 1 << 20;
  };
  if (!found->is_array() || !std::all_of(found->begin(), found->end(), is_depth)) {
    throw InputError(where, "'in_depths' is " + shown(*found), "a list of depths");
  }
  for (const Json& depth : *found) depths.push_back(depth.get<int>());
}

void read_layer(const Json& json, const Network& network, const std::string& where,
                DataflowAccelerator& accelerator, std::set<int>& seen) {
  require_object(json, where, "an element of 'layers'");
  std::vector<std::string> keys = {"layer", "parts", "latency", "in_depths"};
  add_keys(layer_rows(), keys);
  check_keys(json, keys, where);
  if (!json.contains("layer") || !json["layer"].is_string()) {
    throw InputError(where, "an element of 'layers' without 'layer'", "the name of a layer");
  }
  const auto name = json["layer"].get<std::string>();
  const int index = network.find_layer(name);
  if (index < 0) {
    std::vector<std::string> known;
    for (const Layer& layer : network.layers) known.push_back(layer.name);
    throw_unknown_name(where, "layer", name, known);
  }
  if (!seen.insert(index).second) throw InputError(where, "layer '" + name + "' twice", "once");
  for (const char* key : {"pe", "simd"}) {
    if (json.contains(key) != has(network.layer(index), key)) {
      throw InputError(where, "layer '" + name + "': '" + key + "'",
                       "pe and simd for layers with weights, pe for those that join others, and "
                       "for them alone");
    }
  }
  LayerParams& p = accelerator.layers[static_cast<size_t>(index)];
  const std::string of_layer = where + ": layer '" + name + "'";
  read_integers(json, layer_rows(), p, of_layer);
  read_parts(json, of_layer, p.parts);
  read_latency(json, of_layer, p.latency);
  read_depths(json, of_layer, p.in_depths);
}

DataflowAccelerator read_ours(const Json& json, const std::string& where, const Network& network,
                              const std::string& default_name) {
  std::vector<std::string> keys = {"name",  "clock_mhz", "discipline", "sliding_window",
                                   "parts", "latency",   "layers"};
  add_keys(accelerator_rows(), keys);
  check_keys(json, keys, where);
  DataflowAccelerator accelerator;
  accelerator.name = default_name;
  if (const auto name = json.find("name"); name != json.end()) {
    if (!name->is_string()) throw InputError(where, "'name' is no text", "a name");
    accelerator.name = name->get<std::string>();
  }
  if (const auto clock = json.find("clock_mhz"); clock != json.end()) {
    if (!clock->is_number()) throw InputError(where, "'clock_mhz' is no number", "MHz");
    accelerator.clock_mhz = clock->get<double>();
  }
  read_choice(json, "discipline", disciplines, where, accelerator.discipline);
  LayerParts parts;  // of layers that say nothing else
  read_choice(json, "sliding_window", window_versions, where, parts.sliding_window);
  read_parts(json, where, parts);
  read_latency(json, where, accelerator.latency);
  read_integers(json, accelerator_rows(), accelerator, where);
  accelerator.layers.resize(network.layers.size());
  for (LayerParams& p : accelerator.layers) p.parts = parts;
  if (!json.contains("layers") || !json["layers"].is_array()) {
    throw InputError(where, "no 'layers'", "an array with an element for each layer");
  }
  std::set<int> seen;
  for (const Json& layer : json["layers"]) read_layer(layer, network, where, accelerator, seen);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    if (has(layer, "pe") && seen.count(static_cast<int>(i)) == 0) {
      throw InputError(where, "nothing about layer '" + layer.name + "'",
                       has(layer, "simd") ? "its pe and simd" : "its pe");
    }
  }
  return accelerator;
}

Json parsed(const std::string& text, const std::string& where) {
  Json json = parse_json(text, where, most_description_bytes);
  require_object(json, where, "the description");
  return json;
}

}  // namespace

DataflowAccelerator dataflow_from_json(const std::string& text, const std::string& where,
                                       const std::string& default_name, const Network& network,
                                       const std::string& backends) {
  Json json = parsed(text, where);
  check_supported(network, capabilities(), where);
  if (!backends.empty()) {
    const Json of_layers = parsed(backends, where);
    if (!is_finn_folding(json) || !is_specialization(of_layers)) {
      throw InputError(where, "two files",
                       "FINN's folding_config.json+its specialize_layers_config.json");
    }
    json = specialized(json, of_layers, where);
  }
  DataflowAccelerator accelerator = is_finn_folding(json)
                                        ? read_finn_folding(json, where, network, default_name)
                                        : read_ours(json, where, network, default_name);
  if (accelerator.name.empty() || accelerator.name.size() > 100) {
    throw InputError(where, "a name of " + std::to_string(accelerator.name.size()) + " characters",
                     "1 to 100");
  }
  validate(accelerator, network);
  return accelerator;
}

std::string to_json(const DataflowAccelerator& accelerator, const Network& network) {
  Json json;
  json["name"] = accelerator.name;
  json["clock_mhz"] = accelerator.clock_mhz;
  json["discipline"] = choice_name(disciplines, accelerator.discipline);
  for (const auto& row : latency_rows()) {
    if (row.member == &Latencies::junction && is_chain(network)) continue;
    json["latency"][row.key] = accelerator.latency.*row.member;
  }
  for (const auto& row : accelerator_rows()) json[row.key] = accelerator.*row.member;
  for (size_t i = 0; i < network.layers.size(); ++i) {
    Json layer;
    layer["layer"] = network.layers[i].name;
    for (const auto& row : layer_rows()) {
      const std::string key = row.key;
      if (!has(network.layers[i], key)) continue;
      if ((network.layers[i].is_flat() || is_join(network.layers[i])) && key == "window_simd")
        continue;
      layer[key] = accelerator.layers[i].*row.member;
    }
    const auto& in_depths = accelerator.layers[i].in_depths;
    if (!in_depths.empty()) layer["in_depths"] = in_depths;
    layer["parts"] = parts_json(accelerator.layers[i].parts);
    for (const auto& row : latency_rows()) {
      const int steps = accelerator.layers[i].latency.*row.member;
      if (steps > 0) layer["latency"][row.key] = steps;
    }
    json["layers"].push_back(layer);
  }
  return json.dump(2);
}

}  // namespace stuckat::dataflow
