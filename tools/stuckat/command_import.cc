#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/option_values.h"
#include "workloads/import/import.h"
#include "workloads/json_file.h"
#include "workloads/model_file.h"
#include "workloads/version.h"
#include "workloads/zoo.h"

namespace stuckat::cli {
namespace {

/// "cat,dog", or the lines of a file of that name.
std::vector<std::string> names(const std::string& listed) {
  constexpr size_t most_names = size_t{1} << 20;  // bytes
  std::vector<std::string> result;
  std::error_code ignored;
  const bool is_file = std::filesystem::is_regular_file(listed, ignored);
  std::istringstream text(is_file ? read_text(listed, most_names) : listed);
  for (std::string name; std::getline(text, name, is_file ? '\n' : ',');) {
    while (name.ends_with('\r') || name.ends_with(' ')) name.pop_back();
    if (!name.empty()) result.push_back(name);
  }
  if (result.empty() && !listed.empty())
    throw InputError("--classes", "no name in " + listed, "one");
  return result;
}

void print_nodes(const Imported& imported) {
  size_t name = 0;
  size_t operation = 0;
  constexpr size_t most = 40;  // of a name: exporters make long ones
  const auto cut = [](std::string text) {
    if (text.size() > most) text.replace(0, text.size() - most + 3, "...");
    return text;
  };
  for (const ImportedNode& node : imported.nodes) {
    name = std::max(name, cut(node.name).size());
    operation = std::max(operation, node.operation.size());
  }
  for (const ImportedNode& node : imported.nodes) {
    fmt::print("  {:<{}}  {:<{}}  {}\n", cut(node.name), name, node.operation, operation,
               node.became);
  }
}

/// As FINN writes it: a node's values by its name, in the order of the data.
nlohmann::ordered_json folding_json(const Imported& imported) {
  nlohmann::ordered_json json;
  json["Defaults"] = nlohmann::ordered_json::object();
  for (const ImportedFolding& node : imported.folding) {
    auto& values = json[node.node] = nlohmann::ordered_json::object();
    for (const auto& [key, list] : node.values) {
      if (list.size() == 1 && !key.ends_with("Depths")) {
        values[key] = list.front();
      } else {
        values[key] = list;
      }
    }
  }
  return json;
}

nlohmann::ordered_json summary(const CommandLine& line, const Imported& imported) {
  nlohmann::ordered_json json = {{"model", line.text("output")},
                                 {"format", imported.format},
                                 {"network", imported.network.name},
                                 {"layers", imported.network.layers.size()},
                                 {"classes", imported.network.classes()},
                                 {"hash", content_hash(imported.network)},
                                 {"input", imported.network.input().text()},
                                 {"data", imported.network.data},
                                 {"class_names", imported.network.class_names}};
  json["nodes"] = nlohmann::json::array();
  for (const ImportedNode& node : imported.nodes) {
    json["nodes"].push_back(
        {{"name", node.name}, {"operation", node.operation}, {"became", node.became}});
  }
  json["notes"] = imported.notes;
  return json;
}

std::string help() {
  std::string text = "Formats, told from the file:\n";
  for (const ImporterRow& row : importers())
    text += fmt::format("  {:<10} {}\n", row.name, row.help);
  text += "Pixels p = 0..255, what they are to the network (--pixels):\n";
  for (const auto& [name, what] : pixel_maps()) text += fmt::format("  {:<10} {}\n", name, what);
  text += "Networks of bnn-pynq:";
  for (const auto& name : zoo_names()) text += " " + name;
  return text + "\n";
}

}  // namespace

int run_import(const Arguments& arguments) {
  CommandLine line(
      "import FILE -o MODEL [options]",
      "Brings in a network that others trained, as an integer model in HDF5: exactly, or "
      "not at all.\nPrints what became of every node; what cannot be taken is named "
      "with the reason and the remedy.",
      {"source..."});
  line.options().add_options()("as", text("FORMAT"), "format of the file; else told from it")(
      "output,o", text("FILE"), "model file to write")(
      "accelerator-out", text("FILE"),
      "FINN's hardware nodes: their folding, as JSON for --accelerator dataflow:FILE")(
      "name", text("NAME"), "of the network; else the file's")(
      "network", text("NAME", "cnv-w1a1"), "bnn-pynq: architecture of the zoo; see below")(
      "pixels", text("MEANING", "auto"), "what a pixel is to the network; see below")(
      "mean", text("X,..."), "subtracted from that: one number, or one for each channel")(
      "deviation", text("X,..."), "then divides it")(
      "data", text("NAME[:PATH]"),
      "data set that it is for: what other commands take for it; see `stuckat info data`")(
      "classes", text("NAME,...|FILE"),
      "names of its classes in the order of its results, or a file of them, one a line; else the "
      "file's own (bnn-pynq), or those of --data");
  line.epilogue(help());
  if (!line.parse(arguments)) return 0;
  auto sources = line.get<std::vector<std::string>>("source");
  ImportOptions options;
  std::string as = line.text("as");
  if (sources.size() == 2 && as.empty()) {  // import FORMAT FILE, as it was
    as = sources.front();
    sources.erase(sources.begin());
  }
  if (sources.size() != 1) throw InputError("stuckat import", "too many arguments", "one FILE");
  if (!line.has("output")) throw InputError("stuckat import", "no --output", "-o MODEL.h5");
  options.name = line.text("name");
  options.network = line.text("network");
  options.pixels = line.text("pixels");
  options.mean = reals(line, "mean", -1e6, 1e6);
  options.deviation = reals(line, "deviation", -1e6, 1e6);
  options.data = line.text("data");
  options.class_names = names(line.text("classes"));
  const Imported imported = import_network(sources.front(), as, options);
  if (line.has("accelerator-out") && imported.folding.empty()) {
    throw InputError(sources.front(), "holds no folding", "a file with FINN's hardware nodes");
  }
  print_nodes(imported);
  write_model(line.text("output"), imported.network, {tool_version, line.configuration().dump()});
  if (line.has("accelerator-out")) {
    write_text_file(line.text("accelerator-out"), folding_json(imported).dump(2) + "\n");
  }
  for (const std::string& note : imported.notes) fmt::print("note: {}\n", note);
  const Network& network = imported.network;
  fmt::print("input {}, data set: {}, classes: {}\n", network.input().text(),
             network.data.empty() ? "not said (--data)" : network.data,
             network.class_names.empty() ? "without names (--classes)"
                                         : fmt::format("{}", fmt::join(network.class_names, ", ")));
  fmt::print("{}: {} ({}) with {} layers, {} classes, hash {}\n", line.text("output"),
             imported.network.name, imported.format, imported.network.layers.size(),
             imported.network.classes(), content_hash(imported.network).substr(0, 12));
  line.write_json(summary(line, imported));
  return 0;
}

}  // namespace stuckat::cli
