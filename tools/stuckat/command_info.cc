#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "faultmaps/fault_map.h"
#include "sim/fast/executor.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/info_sites.h"
#include "tools/stuckat/inputs.h"
#include "workloads/model_file.h"
#include "workloads/zoo.h"

namespace stuckat::cli {
namespace {

nlohmann::ordered_json show_network(const Network& network) {
  nlohmann::ordered_json layers = nlohmann::json::array();
  int64_t weights = 0;
  int64_t macs = 0;
  fmt::print("{:<8} {:<9} {:>11} {:>11}  {:<7} {:<7} {:<7} {:>9} {:>12}\n", "layer", "kind",
             "input", "output", "in", "weight", "out", "weights", "MAC/image");
  for (const Layer& l : network.layers) {
    const int64_t layer_macs =
        l.has_weights() ? int64_t{l.output.pixels()} * l.rows() * l.columns() : 0;
    weights += static_cast<int64_t>(l.weights.size());
    macs += layer_macs;
    const std::string out = l.accumulator_output ? "sum" : l.output_format.name();
    fmt::print("{:<8} {:<9} {:>11} {:>11}  {:<7} {:<7} {:<7} {:>9} {:>12}\n", l.name, l.kind->label,
               l.input.text(), l.output.text(), l.input_format.name(),
               l.has_weights() ? l.weight_format.name() : "-", out,
               thousands(static_cast<int64_t>(l.weights.size())), thousands(layer_macs));
    layers.push_back({{"name", l.name},
                      {"kind", l.kind->label},
                      {"input", l.input.text()},
                      {"output", l.output.text()},
                      {"weights", l.weights.size()},
                      {"macs", layer_macs}});
  }
  int64_t channels = 0;
  for (const int i : network.injectable_layers()) {
    channels += network.layers[static_cast<size_t>(i)].rows();
  }
  fmt::print("{} weights, {} MAC per image, {} injectable channels in {} layers\n",
             thousands(weights), thousands(macs), thousands(channels),
             network.injectable_layers().size());
  return {{"network", network.name},
          {"layers", layers},
          {"weights", weights},
          {"macs", macs},
          {"injectable_channels", channels}};
}

/// Share of zeros in what each layer with weights gives, over all images; of formats with a 0.
nlohmann::ordered_json shares_of_zeros(const Network& network, const DataSet& data) {
  std::vector<int64_t> zeros(network.layers.size());
  const fast::PackedNetwork packed(network);
  fast::Executor executor(packed);
  const auto has_zero = [&](size_t i) {
    const Layer& layer = network.layers[i];
    return layer.has_weights() && !layer.accumulator_output &&
           layer.output_format.kind != FormatKind::binary;
  };
  for (int64_t image = 0; image < data.size(); ++image) {
    executor.run(input_tensor(network, data, static_cast<int>(image)));
    for (size_t i = 0; i < zeros.size(); ++i) {
      if (!has_zero(i)) continue;
      const Tensor tensor = executor.tensor(Network::output_tensor(static_cast<int>(i)));
      zeros[i] += std::count(tensor.values.begin(), tensor.values.end(), 0);
    }
  }
  nlohmann::ordered_json shares = nlohmann::json::object();
  for (size_t i = 0; i < zeros.size(); ++i) {
    if (!has_zero(i)) continue;
    const auto values = static_cast<double>(data.size() * network.layers[i].output.size());
    shares[network.layers[i].name] = static_cast<double>(zeros[i]) / values;
  }
  return shares;
}

/// Of the images that were asked for.
void show_zeros(CommandLine& line, const Network& network, nlohmann::ordered_json& result) {
  const DataSet data = load_data(line, network, line.text("file"));
  result["data"] = data_text(line, data);
  result["zeros"] = shares_of_zeros(network, data);
  fmt::print("zeros among activations, {}:\n", data_text(line, data));
  for (const auto& [layer, share] : result["zeros"].items()) {
    fmt::print("  {:<14} {:5.1f} %\n", layer, 100 * share.get<double>());
  }
  if (result["zeros"].empty()) fmt::print("  no format with a 0\n");
}

int info_model(const Arguments& arguments) {
  CommandLine line("info model FILE [--data NAME[:PATH]]",
                   "Layers, formats and sizes of a model file. With --data: the share of zeros in "
                   "what each layer gives.",
                   {"file"});
  constexpr int64_t images = 1000;
  add_data_options(line, images);
  line.epilogue(data_help());
  if (!line.parse(arguments)) return 0;
  const bool with_data = line.given("data");
  line.refuse_without_effect({{"half", with_data, "without --data", "--data NAME"},
                              {"images", with_data, "without --data", "--data NAME"},
                              {"offset", with_data, "without --data", "--data NAME"}});
  ModelOrigin origin;
  const Network network = read_model(line.text("file"), &origin);
  fmt::print("{}, hash {}\n", network.name, content_hash(network));
  if (!origin.configuration.empty()) fmt::print("made by {}\n", origin.configuration);
  const std::string in_short = origin_in_short(origin.configuration);
  if (!in_short.empty()) fmt::print("that is: {}\n", in_short);
  auto result = show_network(network);
  result["hash"] = content_hash(network);
  if (with_data) show_zeros(line, network, result);
  line.write_json(result);
  return 0;
}

/// A file of whatever kind: the command that shows it, with the same arguments.
int info_file(const Arguments& arguments) {
  struct Row {
    const char* kind;
    const char* what;
    int (*show)(const Arguments&);
    Arguments before;
  };
  static const std::vector<Row> rows = {
      {"stuckat-model", "a model", info_model, {}},
      {"stuckat.campaign", "the result of a campaign", run_campaign, {"show"}},
      {"stuckat.fault-map", "fault maps", run_faults, {"show"}},
  };
  const std::string& path = arguments.front();
  const std::string kind = kind_of_file(path);
  for (const Row& row : rows) {
    if (kind != row.kind) continue;
    Arguments all = row.before;
    all.insert(all.end(), arguments.begin(), arguments.end());
    return row.show(all);
  }
  static const std::map<std::string, const char*> others = {
      {"stuckat.fault-list", "a list of faults for 'stuckat campaign --faults list:FILE'"},
      {"stuckat.exploration", "an exploration for 'stuckat report --exploration LABEL=FILE'"},
      {"stuckat-checkpoint", "a checkpoint for 'stuckat train --checkpoint FILE'"},
      {"JSON", "JSON: 'stuckat sim --json', an accelerator, or a fault map"},
      {"text", "text"},
      {"markup", "a page"}};
  CommandLine line("info FILE", "What a file holds.", {"file"});
  if (!line.parse(arguments)) return 0;
  const auto found = others.find(kind);
  fmt::print("{}: {}\n", path, found == others.end() ? kind : found->second);
  line.write_json({{"file", path}, {"kind", kind}}, "info file");
  return 0;
}

int info_networks(const Arguments& arguments) {
  CommandLine line("info networks", "The architectures of the zoo.");
  if (!line.parse(arguments)) return 0;
  nlohmann::ordered_json result;
  for (const auto& name : zoo_names()) {
    fmt::print("{}\n", name);
    result["networks"].push_back(show_network(zoo_network(name)));
  }
  line.write_json(result);
  return 0;
}

int info_accelerator(const Arguments& arguments) {
  CommandLine line("info accelerator NAME --model FILE",
                   "Parts and fault sites of an accelerator that runs a network.", {"name"});
  line.options().add_options()("model", text("FILE"), "network that it runs");
  line.epilogue(accelerator_help());
  if (!line.parse(arguments)) return 0;
  if (!line.has("model"))
    throw InputError("stuckat info accelerator", "no --model", "--model FILE");
  const Network network = read_model(line.text("model"));
  const Placement placement = place_on(parse_accelerator(line.text("name"), network), network);
  nlohmann::ordered_json result;
  result["accelerator"] = placement.accelerator;
  fmt::print("{}\n", placement.accelerator);
  for (const PeArray& array : placement.arrays) {
    fmt::print("  {:<14} {} PE x {} SIMD, {} layer{}\n", array.name, array.pe, array.simd,
               array.uses.size(), array.uses.size() == 1 ? "" : "s");
  }
  for (const Stream& stream : placement.streams) {
    fmt::print("  {:<14} FIFO of {} words, {} channels in a word, {} words a pixel\n", stream.name,
               stream.depth, stream.channels_per_word, stream.words_per_pixel);
  }
  fmt::print("faults by site kind (every site, every value):\n");
  for (const SiteRow& row : site_table()) {
    const int64_t count = count_faults(row.kind, placement, network);
    fmt::print("  {:<16} {:>14}\n", row.name, thousands(count));
    result["faults"][row.name] = count;
  }
  line.write_json(result);
  return 0;
}

int info_data(const Arguments& arguments) {
  CommandLine line("info data", "The data sets that --data names.");
  if (!line.parse(arguments)) return 0;
  fmt::print("{}", data_help());
  nlohmann::ordered_json result;
  for (const auto& [name, what] : dataset_names()) {
    result["data_sets"].push_back({{"name", name}, {"what", what}});
  }
  line.write_json(result);
  return 0;
}

}  // namespace

int run_info(const Arguments& arguments) {
  const std::vector<Command> table = {
      {"model", "layers, formats and sizes of a model file", info_model},
      {"sites", "every kind of fault site and what it means", info_sites},
      {"networks", "the architectures of the zoo", info_networks},
      {"accelerator", "parts and fault sites of an accelerator", info_accelerator},
      {"data", "the data sets that --data names", info_data}};
  std::error_code ignored;
  const bool known = !arguments.empty() &&
                     std::any_of(table.begin(), table.end(),
                                 [&](const Command& sub) { return arguments.front() == sub.name; });
  if (!known && !arguments.empty() &&
      std::filesystem::is_regular_file(arguments.front(), ignored)) {
    return info_file(arguments);
  }
  return run_subcommand("info", table, arguments);
}

}  // namespace stuckat::cli
