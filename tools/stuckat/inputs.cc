#include "tools/stuckat/inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <thread>

#include "faultmaps/site_index.h"
#include "faultmaps/text_files.h"
#include "workloads/json_file.h"
#include "workloads/model_file.h"
#include "workloads/zoo.h"

namespace stuckat::cli {

namespace {
constexpr int64_t int_max = std::numeric_limits<int>::max();

bool is_there(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}
}  // namespace

bool names_architecture(const std::string& model) {
  const auto names = zoo_names();
  return std::find(names.begin(), names.end(), model) != names.end() && !is_there(model);
}

Network network_alone(const std::string& model) {
  if (names_architecture(model)) return zoo_network(model);
  if (!is_there(model)) {
    throw_unknown_name("MODEL", "file or network", model, zoo_names());
  }
  return read_model(model);
}

void add_data_options(CommandLine& line, int64_t images) {
  line.options().add_options()("data", text("NAME[:PATH]"),
                               "data set; see below (standard: that of the model)")(
      "half", text("test|train", "test"), "which half of the data set")(
      "images", number("N", images), "number of images; -1: all that follow the offset")(
      "offset", number("N", 0), "first image");
}

namespace {

/// --data of a command whose model says what it is for. The path of the training data is tried
/// where the data set has no place of its own.
std::string own_data(const Network& network, const std::string& model) {
  const auto named = [](const std::string& data) { return data.substr(0, data.find(':')); };
  ModelOrigin origin;
  if (!names_architecture(model)) read_model(model, &origin);
  const auto json = json_or_nothing(origin.configuration);
  std::string trained_on;
  if (json && json->is_object() && json->contains("data") && (*json)["data"].is_string()) {
    trained_on = (*json)["data"].get<std::string>();
  }
  const std::string name = network.data.empty() ? named(trained_on) : network.data;
  if (name.empty()) {
    throw InputError("--data", model + " does not say which data it is for", "--data NAME[:PATH]");
  }
  if (has_default_path(name)) return name;
  const size_t colon = trained_on.find(':');
  if (named(trained_on) == name && colon != std::string::npos &&
      is_there(trained_on.substr(colon + 1))) {
    return trained_on;
  }
  throw InputError("--data", model + " is for " + name + ", which has no place of its own",
                   "--data " + name + ":PATH");
}

}  // namespace

void default_data(CommandLine& line, const Network& network, const std::string& model) {
  if (!line.has("data")) line.set_default("data", own_data(network, model));
}

DataSet load_data(CommandLine& line, const Network& network, const std::string& model) {
  default_data(line, network, model);
  const std::string half = line.text("half");
  if (half != "test" && half != "train")
    throw_unknown_name("--half", "half", half, {"test", "train"});
  Subset subset;
  subset.train = half == "train";
  subset.offset = static_cast<int>(line.integer("offset", 0, int_max));
  subset.count = static_cast<int>(line.integer("images", -1, int_max));
  if (subset.count == 0) throw InputError("--images", "0", "at least 1, or -1 for all");
  DataSet data = read_dataset(line.text("data"), subset);
  check_same_data(network, data, model);
  return data;
}

std::string data_text(const CommandLine& line, const DataSet& data) {
  const int64_t first = line.get<int64_t>("offset");
  return fmt::format("{}, {} images {} to {}", data.name, line.text("half"), thousands(first),
                     thousands(first + data.size() - 1));
}

nlohmann::ordered_json data_json(const CommandLine& line, const DataSet& data) {
  return {{"name", data.name},
          {"half", line.text("half")},
          {"first_image", line.get<int64_t>("offset")},
          {"images", data.size()},
          {"hash", content_hash(data)}};
}

std::string data_help() {
  std::string help = "Data sets:\n";
  for (const auto& [name, what] : dataset_names()) help += fmt::format("  {:<22} {}\n", name, what);
  return help;
}

void add_thread_option(CommandLine& line) {
  line.options().add_options()(
      "threads", number("N", 0),
      "worker threads; 0: one for each processor. Results do not depend on it");
}

int threads(const CommandLine& line) {
  const auto asked = static_cast<int>(line.integer("threads", 0, 1024));
  return asked > 0 ? asked : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void add_fault_options(CommandLine& line, const std::string& prefix) {
  line.options().add_options()((prefix + "fault-map").c_str(), text("FILE"),
                               "fault map to apply: .h5, .csv or .json")(
      (prefix + "chip").c_str(), number("N", 0), "which chip of the fault map file")(
      (prefix + "fault").c_str(), po::value<std::vector<std::string>>()->value_name("NAME"),
      "one more fault by name, like layer1/mvtu/pe[5]/accumulator[3]=1, or several by a pattern "
      "with *; may be repeated");
}

bool has_faults(const CommandLine& line, const std::string& prefix) {
  return line.has(prefix + "fault-map") || line.has(prefix + "fault");
}

FaultMap load_faults(const CommandLine& line, const Placement& placement, const Network& network,
                     const std::string& prefix) {
  const SiteIndex sites(placement, network);
  FaultMap map = sites.healthy();
  const std::string option = fmt::format("--{}fault", prefix);
  std::string where = option;
  if (line.has(prefix + "fault-map")) {
    where = line.text(prefix + "fault-map");
    const std::vector<FaultMap> chips = read_fault_file(where, &sites);
    if (chips.empty()) throw InputError(where, "holds no chip", "at least one");
    const auto last = static_cast<int64_t>(chips.size()) - 1;
    map = chips[static_cast<size_t>(line.integer(prefix + "chip", 0, last))];
  }
  if (line.has(prefix + "fault")) {
    for (const auto& name : line.get<std::vector<std::string>>(prefix + "fault")) {
      const auto faults = sites.expand(name, option);
      map.faults.insert(map.faults.end(), faults.begin(), faults.end());
    }
  }
  validate(map, sites, where);
  return map;
}

std::vector<std::string> class_names(const Network& network, const DataSet& data) {
  std::vector<std::string> names = network.class_names;
  if (names.empty()) names = data.class_names;
  const auto classes = static_cast<size_t>(network.classes());
  if (names.size() > classes) names.resize(classes);
  while (names.size() < classes) names.push_back(std::to_string(names.size()));
  return names;
}

namespace {

/// A text as one word of a shell.
std::string shell_word(const Json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  constexpr const char* plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,=+";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

}  // namespace

Arguments arguments_of(const nlohmann::ordered_json& configuration) {
  Arguments arguments = {configuration.at("model").get<std::string>()};
  for (const auto& [name, value] : configuration.items()) {
    if (name == "command" || name == "model") continue;
    for (const Json& item : value.is_array() ? value : Json::array({value})) {
      if (item == false) continue;
      arguments.push_back("--" + name);
      if (item == true) continue;
      arguments.back() += "=" + (item.is_string() ? item.get<std::string>() : item.dump());
    }
  }
  return arguments;
}

std::string command_of(const std::string& configuration) {
  // A configuration has defaults too, of options that are refused where another one is not given.
  using Needs = std::map<std::string, std::string>;
  struct Row {
    std::vector<std::string> arguments;
    Needs needs;
  };
  static const std::map<std::string, Row> commands = {
      {"campaign",
       {{"model"}, {{"margin", "sample"}, {"confidence", "sample"}, {"seed", "sample"}}}},
      {"import", {{"source"}, {}}},
      {"faults new",
       {{},
        {{"edge", "wafer"},
         {"alpha", "mean"},
         {"per-cluster", "clusters"},
         {"radius", "clusters"},
         {"along", "lines"},
         {"keep", "from"}}}}};
  const auto json = json_or_nothing(configuration);
  if (!json || !json->is_object() || !json->contains("command")) return {};
  const auto found = commands.find(
      (*json)["command"].is_string() ? (*json)["command"].get<std::string>() : std::string());
  if (found == commands.end()) return {};
  const auto is_set = [&](const std::string& name) {
    if (!json->contains(name)) return false;
    const Json& value = (*json)[name];
    return !value.is_null() && value != false && value != "";
  };
  const auto& [positional, needs] = found->second;
  std::string text = "stuckat " + found->first;
  for (const std::string& name : positional) {
    if (!is_set(name)) continue;
    const Json& value = (*json)[name];
    for (const Json& item : value.is_array() ? value : Json::array({value})) {
      text += ' ';
      text += shell_word(item);
    }
  }
  for (const auto& [name, value] : json->items()) {
    const bool placed = std::find(positional.begin(), positional.end(), name) != positional.end();
    const auto needed = needs.find(name);
    if (name == "command" || placed || !is_set(name)) continue;
    if (needed != needs.end() && !is_set(needed->second)) continue;
    for (const Json& item : value.is_array() ? value : Json::array({value})) {
      text += fmt::format(" --{}", name);
      if (item != true) text += fmt::format("={}", shell_word(item));
    }
  }
  return text + " -o OUTPUT";
}

std::string origin_in_short(const std::string& configuration) {
  const auto json = json_or_nothing(configuration);
  try {
    if (!json) return "";
    const JsonObject made(*json, "configuration");
    const std::string command = made.has("command") ? made.text("command") : "";
    if (command != "train") return command.empty() ? "" : "from stuckat " + command;
    const std::string method = made.text("method");
    const double percent = made.number("percent", 0, 100);
    const std::string penalty = made.has("penalty") ? made.text("penalty") : "none";
    return fmt::format("width {:g}, {}{}, {} epochs on {}{}", made.number("width", 0, 1e6), method,
                       method == "standard" ? "" : fmt::format(", p = {:g} %", percent),
                       made.integer("epochs", 0, INT32_MAX), made.text("data"),
                       penalty == "none"
                           ? ""
                           : fmt::format(", {} penalty on activations, weight {:g}", penalty,
                                         made.number("penalty-weight", 0, 1e6)));
  } catch (const InputError&) {
    return "";  // a configuration of another version
  }
}

std::string percent(int64_t part, int64_t whole) {
  return whole == 0 ? "-"
                    : fmt::format("{:.2f} %",
                                  100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string thousands(int64_t value) {
  const std::string digits = std::to_string(std::abs(value));
  std::string result = value < 0 ? "-" : "";
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) result += ',';
    result += digits[i];
  }
  return result;
}

}  // namespace stuckat::cli
