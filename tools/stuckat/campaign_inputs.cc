#include "tools/stuckat/campaign_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "sim/campaign/sampling.h"
#include "sim/campaign/stuck_levels.h"
#include "tools/stuckat/inputs.h"
#include "workloads/json_file.h"
#include "workloads/model_file.h"

namespace stuckat::cli {
namespace {

constexpr const char* sampling_options[] = {"margin", "confidence", "seed"};

std::string fault_set_help() {
  std::string help = "Fault lists:\n";
  for (const auto& form : campaign::fault_set_forms()) {
    help += fmt::format("  {:<20} {}\n", form.form, form.help);
  }
  return help;
}

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

/// "map:a.h5" with each file, after the colon, that is not there but in `folder`.
std::string beside(const std::string& text, const std::filesystem::path& folder) {
  if (is_there(text)) return text;
  const size_t colon = text.find(':');
  const size_t first = colon == std::string::npos ? 0 : colon + 1;
  std::string result = text.substr(0, first);
  for (size_t begin = first; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    std::string name = text.substr(begin, end - begin);
    const std::filesystem::path path = name;
    for (const auto& other : {folder / path, folder / path.filename()}) {
      if (name.empty() || is_there(name)) break;
      if (path.has_filename() && is_there(other)) name = other.string();
    }
    result += name + (end < text.size() ? "," : "");
    begin = end + 1;
  }
  return result;
}

}  // namespace

void add_fault_set_options(CommandLine& line) {
  line.options().add_options()("faults", text("LIST", "channel"),
                               "what to break, one at a time; see below")(
      "levels", text("all|extremes|N"),
      "levels that channels, pixels and dead PEs stick at: all, the lowest, zero and highest, "
      "or N of them; unless given, extremes of formats of more than 16 levels")(
      "accelerator", text("NAME"), "hardware that the faults are in, for pe, sites, map and list")(
      "sample", po::bool_switch(), "draw a sample instead of every fault (Leveugle et al. 2009)")(
      "margin", real("E", 0.01, "0.01"), "half width of the confidence interval aimed at")(
      "confidence", real("C", 0.99, "0.99"), "confidence of that interval")("seed", number("N", 1),
                                                                            "seed of the sample");
  line.epilogue(fault_set_help() + accelerator_help());
}

void add_campaign_options(CommandLine& line) {
  add_data_options(line);
  add_fault_set_options(line);
  line.epilogue(fault_set_help() + data_help() + accelerator_help());
}

nlohmann::ordered_json campaign_configuration(const CommandLine& line) {
  CommandLine only("campaign", "");
  add_campaign_options(only);
  const nlohmann::ordered_json all = line.configuration();
  nlohmann::ordered_json result = {{"command", "campaign"}};
  for (const auto& item : all.items()) {
    const bool of_campaign = only.options().find_nothrow(item.key(), false) != nullptr;
    if (of_campaign || item.key() == "model") result[item.key()] = item.value();
  }
  return result;
}

CampaignFaultSet load_fault_set(const CommandLine& line, const Network& network, int64_t images) {
  for (const char* name : sampling_options) {
    if (line.given(name) && !line.get<bool>("sample")) {
      throw InputError(std::string("--") + name, "every fault is done without --sample",
                       "--sample as well");
    }
  }
  const std::string asked = line.text("faults");
  const bool in_network =
      asked.starts_with("channel") || asked.starts_with("pixel") || asked == "weight";
  line.refuse_without_effect(
      {{"accelerator", !in_network, asked + " faults name no hardware", "no --accelerator"}});
  AcceleratorPtr accelerator;
  Placement placement;
  if (line.has("accelerator")) {
    accelerator = parse_accelerator(line.text("accelerator"), network);
    placement = place_on(accelerator, network, images);
  }
  const std::string spec = line.text("faults");
  campaign::FaultSet faults =
      line.has("levels")
          ? campaign::faults_at_levels(
                spec, network, accelerator ? &placement : nullptr,
                campaign::StuckLevels::parse(line.text("levels"), "--levels"), "--levels")
          : campaign::parse_fault_set(spec, network, accelerator ? &placement : nullptr,
                                      "--faults");
  if (const size_t at = faults.spec().find(":levels="); at != std::string::npos) {
    fmt::print("stuck at the levels {}\n", faults.spec().substr(at + 8));
  }
  constexpr int64_t most_faults = 100'000'000;
  if (!line.get<bool>("sample") && faults.size() > most_faults) {
    throw InputError("--faults", faults.spec() + " has " + thousands(faults.size()) + " faults",
                     "at most " + thousands(most_faults) + ", or --sample");
  }
  if (line.get<bool>("sample")) {
    faults = campaign::sample(
        faults, {line.real("margin", 1e-6, 0.5), line.real("confidence", 0.01, 0.999999),
                 static_cast<uint64_t>(line.integer("seed", 0, INT64_MAX))});
  }
  return {std::move(accelerator), std::move(placement), std::move(faults)};
}

CampaignInputs load_campaign(CommandLine& line) {
  const std::string model = line.text("model");
  Network network = read_model(model);
  DataSet data = load_data(line, network, model);
  CampaignFaultSet faults = load_fault_set(line, network, data.size());
  return {std::move(faults), std::move(network), std::move(data)};
}

Arguments campaign_arguments(const std::string& configuration, const std::string& where) {
  Json json = parse_json(configuration, where + ": its configuration");
  const JsonObject made(json, where + ": its configuration");
  made.text("model");
  const bool samples = !made.has("sample") || made.truth("sample");
  for (const char* option : sampling_options) {
    if (!samples) json.erase(option);
  }
  return arguments_of(json);
}

void add_moved_options(CommandLine& line) {
  line.options().add_options()("model", text("FILE"),
                               "the model, if it is neither where it was nor beside the result")(
      "data", text("NAME[:PATH]"), "the data, likewise");
}

Arguments moved_campaign_arguments(const std::string& configuration, const std::string& where,
                                   const CommandLine& line, const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  Arguments arguments = campaign_arguments(configuration, where);
  arguments.front() = line.has("model") ? line.text("model") : beside(arguments.front(), folder);
  for (std::string& argument : arguments) {
    for (const char* option : {"--data=", "--accelerator=", "--faults="}) {
      if (!argument.starts_with(option)) continue;
      const std::string name = std::string(option).substr(2, std::string(option).size() - 3);
      const std::string value = argument.substr(std::string(option).size());
      argument = option + (line.has(name) ? line.text(name) : beside(value, folder));
    }
  }
  return arguments;
}

}  // namespace stuckat::cli
