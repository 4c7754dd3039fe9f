#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "tools/report/whatif.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/broken.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/inputs.h"
#include "tools/studies/whatif.h"
#include "workloads/model_file.h"
#include "workloads/version.h"

namespace stuckat::cli {
namespace {

using report::WhatIf;
using report::WhatIfCase;

constexpr const char* description =
    "What if this is broken? Lowers faults to what they do to the network, runs all images with\n"
    "and without them, and says which predictions change, where the differences start and end, "
    "and\n"
    "what the cycle-level model takes. A second case stands beside the first: another map\n"
    "(--against-fault-map, --against-fault), another network (--against, for instance one trained "
    "with\n"
    "FAT), another accelerator (--against-accelerator), or several of them. Stuck elements of the "
    "network\n"
    "(LAYER/channel[C]=LEVEL, LAYER/pixel[Y,X]=LEVEL) need no accelerator. -o writes a page with "
    "the "
    "images.";

void add_whatif_options(CommandLine& line) {
  line.options().add_options()(
      "accelerator", text("NAME"),
      "what is broken; see below (standard: the accelerator that the fault map names)");
  add_data_options(line);
  add_fault_options(line);
  line.options().add_options()("against", text("MODEL"),
                               "a second network, with the faults of the first unless it has its "
                               "own")("against-accelerator", text("NAME"),
                                      "a second accelerator, for the second case");
  add_fault_options(line, "against-");
  line.options().add_options()("simulate", number("N", 4),
                               "first images to run through the cycle-level model too; 0: none")(
      "examine", number("N", 200), "first images whose tensors are compared element by element")(
      "shown", number("N", 60), "most images to show")("output,o", text("FILE"),
                                                       "page (HTML) to write");
  add_thread_option(line);
  line.epilogue(data_help() + accelerator_help());
}

struct Case {
  std::string label;
  std::string model;
  std::string training;
  studies::BrokenNetwork hardware;
};

std::vector<Case> load_cases(const CommandLine& line, const DataSet& data) {
  const bool other_map = has_faults(line, "against-");
  const bool other_accelerator = line.has("against-accelerator");
  std::vector<Case> cases;
  const auto add = [&](const char* label, const std::string& path, const std::string& accelerator,
                       const std::string& prefix) {
    ModelOrigin origin;
    const Network network = read_model(path, &origin);
    check_same_data(network, data, path);
    cases.push_back({label, path, origin_in_short(origin.configuration),
                     load_broken(line, network, data.size(), accelerator, prefix)});
  };
  add("A", line.text("model"), line.text("accelerator"), "");
  if (line.has("against") || other_map || other_accelerator) {
    add("B", line.has("against") ? line.text("against") : line.text("model"),
        line.text(other_accelerator ? "against-accelerator" : "accelerator"),
        other_map ? "against-" : "");
  }
  return cases;
}

void print_spread(const WhatIfCase& c) {
  fmt::print("\n  {:<10} {:>12} {:>12} {:>14} {:>14} {:>12}\n", "tensor", "shape", "differs in",
             "channels", "pixels", "ends here");
  fmt::print("  {:<10} {:>12} {:>12} {:>14} {:>14} {:>12}\n", "none", "", "", "", "",
             thousands(c.untouched));
  const auto some = [](const std::vector<int64_t>& counts) {
    return counts.size() - static_cast<size_t>(std::count(counts.begin(), counts.end(), 0));
  };
  for (const auto& t : c.tensors) {
    fmt::print("  {:<10} {:>12} {:>10.2f} % {:>14} {:>14} {:>12}\n", t.name,
               fmt::format("{}x{}x{}", t.shape.height, t.shape.width, t.shape.channels),
               100 * t.share(), fmt::format("{} of {}", some(t.channels), t.channels.size()),
               fmt::format("{} of {}", some(t.pixels), t.pixels.size()), thousands(t.last));
  }
}

void print_faults(const WhatIfCase& c) {
  constexpr size_t shown = 20;
  for (size_t i = 0; i < std::min(shown, c.faults.size()); ++i) {
    fmt::print("  {}\n", c.faults[i].name);
    for (const auto& effect : c.faults[i].effects) fmt::print("    {}\n", effect);
    if (c.faults[i].effects.empty()) fmt::print("    no effect: {}\n", c.faults[i].masked);
  }
  if (c.faults.size() > shown) fmt::print("  and {} more\n", thousands(c.faults.size() - shown));
  if (c.faults.empty()) fmt::print("  nothing is broken\n");
  for (const auto& memory : c.memories) fmt::print("  {}\n", memory);
}

void print(const WhatIf& what_if, const DataSet& data) {
  for (const WhatIfCase& c : what_if.cases) {
    fmt::print("{}{} ({}){}\n", what_if.cases.size() > 1 ? c.label + ": " : "", c.model, c.network,
               c.accelerator.empty() ? "" : " on " + c.accelerator);
    print_faults(c);
    print_spread(c);
    fmt::print("\n");
  }
  constexpr size_t shown = 10;
  const auto changed = report::changed_images(what_if, data);
  if (!changed.empty()) {
    fmt::print("  {:>7}  {:<14}", "image", "shows");
    for (const WhatIfCase& c : what_if.cases) {
      const std::string of = what_if.cases.size() > 1 ? " " + c.label : "";
      fmt::print("  {:<14} {:<14}", "before" + of, "now" + of);
    }
    fmt::print("\n");
  }
  for (size_t i = 0; i < std::min(shown, changed.size()); ++i) {
    const auto image = static_cast<size_t>(changed[i]);
    fmt::print("  {:>7}  {:<14}", what_if.first_image + changed[i],
               what_if.class_names[data.labels[image]]);
    for (const WhatIfCase& c : what_if.cases) {
      fmt::print("  {:<14} {:<14}", what_if.class_names[c.before[image]],
                 c.now[image] == c.before[image] ? "" : what_if.class_names[c.now[image]]);
    }
    fmt::print("\n");
  }
  if (changed.size() > shown) fmt::print("  and {} more\n", thousands(changed.size() - shown));
  if (!changed.empty()) fmt::print("\n");
  for (const auto& sentence : report::summary(what_if, data)) fmt::print("{}\n", sentence);
}

nlohmann::ordered_json cycles_json(const std::optional<report::CycleFigures>& cycles) {
  if (!cycles) return nullptr;
  return {{"images", cycles->images},         {"first_image", cycles->first_image},
          {"interval", cycles->interval},     {"total", cycles->total},
          {"bottleneck", cycles->bottleneck}, {"tensors_agree", cycles->tensors_agree}};
}

nlohmann::ordered_json case_json(const WhatIf& what_if, const WhatIfCase& c, const DataSet& data) {
  const auto n = report::counts(c, data);
  nlohmann::ordered_json json = {{"label", c.label},
                                 {"model", c.model},
                                 {"model_hash", c.hash},
                                 {"network", c.network},
                                 {"accelerator", c.accelerator},
                                 {"images", n.images},
                                 {"correct_fault_free", n.right_before},
                                 {"correct", n.right_now},
                                 {"changed", n.changed},
                                 {"became_wrong", n.broken},
                                 {"became_right", n.repaired},
                                 {"masked", n.masked},
                                 {"untouched", c.untouched},
                                 {"cycles_fault_free", cycles_json(c.healthy_cycles)},
                                 {"cycles", cycles_json(c.cycles)}};
  for (const auto& line : c.faults) {
    json["faults"].push_back({{"fault", line.name}, {"effects", line.effects}});
  }
  for (const auto& t : c.tensors) {
    json["tensors"].push_back({{"tensor", t.name},
                               {"examined_images", t.examined},
                               {"differing_elements", t.elements()},
                               {"differing_by_channel", t.channels},
                               {"differing_by_pixel", t.pixels},
                               {"differences_end_here", t.last}});
  }
  for (size_t i = 0; i < c.now.size(); ++i) {
    if (c.before[i] == c.now[i]) continue;
    json["changed_images"].push_back({{"image", what_if.first_image + static_cast<int64_t>(i)},
                                      {"label", data.labels[i]},
                                      {"before", c.before[i]},
                                      {"now", c.now[i]}});
  }
  return json;
}

std::string title_of(const std::vector<Case>& cases) {
  const auto& faults = cases.front().hardware.map.faults;
  const auto& elements = cases.front().hardware.elements;
  if (cases.size() > 1) return "What if: two cases side by side";
  if (faults.size() == 1) return "What if: " + name(faults[0]);
  if (elements.size() == 1) return "What if: " + elements[0];
  const size_t broken = faults.size() + elements.size();
  return "What if: " + thousands(static_cast<int64_t>(broken)) + " broken sites";
}

}  // namespace

int run_whatif(const Arguments& arguments) {
  CommandLine line("whatif MODEL --accelerator NAME --fault NAME --data NAME[:PATH] [options]",
                   description, {"model"});
  add_whatif_options(line);
  if (!line.parse(arguments)) return 0;
  if (!has_faults(line, "")) {
    throw InputError("stuckat whatif", "nothing is broken", "--fault NAME or --fault-map FILE");
  }
  take_accelerator_of_map(line);
  const std::string model = line.text("model");
  const Network network = read_model(model);
  const bool elements = only_elements(line, network) &&
                        (!has_faults(line, "against-") || only_elements(line, network, "against-"));
  line.refuse_without_effect(
      {{"accelerator", !elements, "stuck elements of the network name no hardware", "none"},
       {"against-accelerator", !elements, "stuck elements of the network name no hardware", "none"},
       {"simulate", !elements, "stuck elements of the network name no hardware", "none"},
       {"chip", line.has("fault-map"), "no fault map", "--fault-map FILE"},
       {"against-chip", line.has("against-fault-map"), "no fault map", "--against-fault-map FILE"},
       {"shown", line.has("output"), "no page", "-o PAGE.html"}});
  const DataSet data = load_data(line, network, model);
  const std::vector<Case> cases = load_cases(line, data);
  const auto simulated =
      static_cast<int>(std::min<int64_t>(line.integer("simulate", 0, 1000), data.size()));
  std::vector<studies::CycleRuns> runs;
  for (const Case& c : cases) runs.emplace_back(c.hardware, data, simulated);

  WhatIf what_if;
  what_if.title = title_of(cases);
  what_if.tool_version = tool_version;
  what_if.configuration = line.configuration().dump(2);
  what_if.class_names = class_names(cases.front().hardware.network, data);
  what_if.first_image = line.get<int64_t>("offset");
  what_if.shown = line.integer("shown", 0, 100'000);
  ProgressLine progress("whatif");
  const auto start = std::chrono::steady_clock::now();
  const auto all = static_cast<int64_t>(cases.size()) * data.size();
  int64_t done = 0;
  const studies::WhatIfOptions options{
      static_cast<int>(line.integer("examine", 0, INT32_MAX)), threads(line), [&] {
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
        const double rate = static_cast<double>(++done) / std::max(1e-9, time.count());
        progress.show(static_cast<double>(done) / static_cast<double>(all),
                      thousands(static_cast<int64_t>(rate)) + " images/s");
      }};
  for (size_t i = 0; i < cases.size(); ++i) {
    WhatIfCase result = studies::examine(cases[i].hardware, data, options);
    result.label = cases[i].label;
    result.model = cases[i].model;
    result.training = cases[i].training;
    what_if.cases.push_back(std::move(result));
  }
  progress.clear();
  bool agree = true;
  for (size_t i = 0; i < cases.size(); ++i) {
    runs[i].finish(what_if.cases[i]);
    if (what_if.cases[i].cycles) agree = agree && what_if.cases[i].cycles->tensors_agree;
  }
  if (line.has("output")) write_text_file(line.text("output"), report::html(what_if, data));
  print(what_if, data);
  if (line.has("output")) fmt::print("{}\n", line.text("output"));
  nlohmann::ordered_json json = {{"configuration", line.configuration()},
                                 {"data", data_json(line, data)},
                                 {"classes", what_if.class_names},
                                 {"summary", report::summary(what_if, data)}};
  for (const WhatIfCase& c : what_if.cases) json["cases"].push_back(case_json(what_if, c, data));
  line.write_json(json);
  return agree ? 0 : 1;
}

}  // namespace stuckat::cli
