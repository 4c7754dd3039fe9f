#include "tools/stuckat/commands.h"

#include <fmt/format.h>

#include "workloads/errors.h"
#include "workloads/version.h"

namespace stuckat::cli {

const std::vector<Command>& command_table() {
  static const std::vector<Command> table = {
      {"train", "train a network, with or without fault-aware training", run_train},
      {"eval", "accuracy of a network on a data set, with or without faults", run_eval},
      {"campaign", "accuracy under each fault of a list, exhaustively", run_campaign},
      {"whatif", "what a broken part does to accuracy, image by image", run_whatif},
      {"sim", "cycle-level simulation of an accelerator, with or without faults", run_sim},
      {"explore", "which accelerator: speed, size and worst-case accuracy of many", run_explore},
      {"protect", "what can be done about faults: measures, what they cost, what gets through",
       run_protect},
      {"fmea", "failure modes, coverage and FIT of an accelerator, from campaigns", run_fmea},
      {"faults", "make, show and lower fault maps", run_faults},
      {"fleet", "many broken chips: how much retraining, and which share a network", run_fleet},
      {"memory", "accuracy of lots of chips with broken memory cells", run_memory},
      {"sharpness", "how sharp the minimum is that a network lies in", run_sharpness},
      {"import", "bring in networks that others trained", run_import},
      {"export", "write a network for other programs", run_export},
      {"report", "a self-contained HTML report of results", run_report},
      {"info", "what a file holds; site kinds, networks, data sets, accelerators", run_info},
  };
  return table;
}

int run_subcommand(const std::string& command, const std::vector<Command>& table,
                   const Arguments& arguments) {
  std::vector<std::string> known;
  for (const Command& sub : table) known.emplace_back(sub.name);
  const std::string name = arguments.empty() ? "" : arguments.front();
  if (name == "--list-options") {
    for (const Command& sub : table) fmt::print("{}\n", sub.name);
    return 0;
  }
  if (name == "--version") {
    fmt::print("stuckat {}\n", tool_version);
    return 0;
  }
  if (name == "--help" || name == "-h") {
    fmt::print("Usage: stuckat {} SUBCOMMAND [arguments]\n\n", command);
    for (const Command& sub : table) fmt::print("  {:<9} {}\n", sub.name, sub.summary);
    fmt::print("\n'stuckat {} SUBCOMMAND --help' explains one.\n", command);
    return 0;
  }
  for (const Command& sub : table) {
    if (name == sub.name) return sub.run({arguments.begin() + 1, arguments.end()});
  }
  throw_unknown_name("stuckat " + command, "subcommand", name, known);
}

}  // namespace stuckat::cli
