#include "tools/stuckat/explore_options.h"

#include <fmt/format.h>

#include "sim/campaign/result.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/inputs.h"

namespace stuckat::cli {
namespace {

using Texts = std::vector<std::string>;

po::value_semantic* value_of(const explore::SweepOption& option) {
  const char* name = option.value_name.c_str();
  if (option.number) return number(name, *option.number);
  return option.standard ? text(name, option.standard->c_str()) : text(name);
}

explore::SweepValues values_of(const CommandLine& line) {
  explore::SweepValues values;
  const auto take = [&](const std::string& option) {
    if (line.has(option)) values.set(option, line.text(option));
  };
  take("clock");
  for (const Family& family : families().rows()) {
    for (const auto& option : family.sweep_options) {
      if (option.number) {
        values.set(option.name, std::to_string(line.get<int64_t>(option.name)));
      } else {
        take(option.name);
      }
    }
  }
  return values;
}

/// "--foldings, --fps or --accelerator": what brings in accelerators of families.
std::string sources_of(const std::vector<Family>& rows) {
  std::string sources;
  for (const Family& family : rows) {
    for (const auto& option : family.sweep_options) {
      if (!option.varies) sources += (sources.empty() ? "--" : ", --") + option.name;
    }
  }
  return sources.empty() ? "--accelerator" : sources + " or --accelerator";
}

void refuse_unused(const CommandLine& line, const studies::Sweep& sweep) {
  std::vector<Effect> effects;
  for (const Family& family : families().rows()) {
    for (const auto& option : family.sweep_options) {
      if (!option.varies) continue;
      effects.push_back({option.name, sweep.size(family.prefix) > 0, "without a " + family.noun,
                         sources_of({family})});
    }
  }
  for (const char* option : {"data", "half", "images", "offset", "threads"}) {
    effects.push_back({option, line.get<bool>("worst-case"), "without --worst-case",
                       "--worst-case as well, which runs campaigns"});
  }
  line.refuse_without_effect(effects);
}

}  // namespace

void add_explore_options(CommandLine& line) {
  for (const Family& family : families().rows()) {
    for (const auto& option : family.sweep_options) {
      line.options().add_options()(option.name.c_str(), value_of(option), option.help.c_str());
    }
  }
  line.options().add_options()("accelerator", po::value<Texts>()->value_name("NAME"),
                               "one more accelerator; may be repeated")(
      "clock", text("LIST"), "MHz; without it as the accelerator or its family has it")(
      "max-pes", number("N", INT64_MAX)->default_value(INT64_MAX, "any"), "leave out larger ones")(
      "max-memory-bits", number("N", INT64_MAX)->default_value(INT64_MAX, "any"),
      "leave out larger ones")("min-fps", real("F", 0, "0"), "leave out slower ones")(
      "campaign", po::value<Texts>()->value_name("RESULT"),
      "a campaign of every PE ('--faults pe') for the designs of the same placement; all of the "
      "same images")("worst-case", po::bool_switch(),
                     "run such a campaign for every design that has none, on --data")(
      "output,o", text("FILE"),
      "HDF5 file to write, for 'stuckat report --exploration'; a run that was stopped goes on when "
      "it is started again with the same")("csv", text("FILE"),
                                           "write one line for each design as CSV")(
      "designs", text("FOLDER"),
      "write the accelerators that no other beats as JSON, into a new or empty folder")(
      "finn", text("FOLDER"),
      "write them as FINN's folding_config.json, into a new or empty folder; it is said which of "
      "them "
      "FINN does not build, and why");
  add_data_options(line);
  add_thread_option(line);
  line.epilogue(accelerator_help() + data_help());
}

studies::Sweep sweep_of(const CommandLine& line, const Network& network) {
  studies::Sweep sweep(families(), values_of(line), network);
  if (line.has("accelerator")) {
    for (const auto& name : explore::distinct("accelerator", line.get<Texts>("accelerator"))) {
      sweep.add(parse_accelerator(name, network));
    }
  }
  if (sweep.size() == 0) {
    throw InputError("stuckat explore", "nothing to explore", sources_of(families().rows()));
  }
  refuse_unused(line, sweep);
  return sweep;
}

studies::WorstCases worst_cases_of(CommandLine& line, const Network& network,
                                   std::optional<DataSaid>& said) {
  studies::WorstCases worst_cases(network);
  if (line.get<bool>("worst-case")) {
    const std::string model = line.text("model");
    if (names_architecture(model)) {
      throw InputError("--worst-case", model + " has no trained parameters", "a model file");
    }
    DataSet data = load_data(line, network, model);
    said = DataSaid{data_text(line, data), data_json(line, data)};
    worst_cases.run_others(std::move(data), "--data", threads(line));
  }
  if (line.has("campaign")) {
    for (const auto& path : line.get<Texts>("campaign")) {
      worst_cases.add(path, campaign::read_result(path));
    }
  }
  return worst_cases;
}

bool Budgets::allow(const explore::Design& design) const {
  return design.pes <= pes && design.memory_bits <= memory_bits &&
         design.frames_per_second >= frames_per_second;
}

Budgets budgets_of(const CommandLine& line) {
  return {line.integer("max-pes", 1, INT64_MAX), line.integer("max-memory-bits", 1, INT64_MAX),
          line.real("min-fps", 0, 1e12)};
}

}  // namespace stuckat::cli
