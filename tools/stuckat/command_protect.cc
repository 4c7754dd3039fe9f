#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "faultmaps/mitigation/protection.h"
#include "sim/campaign/result.h"
#include "sim/protect/measures.h"
#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/option_values.h"
#include "tools/stuckat/protect_json.h"
#include "workloads/model_file.h"
#include "workloads/version.h"

namespace stuckat::cli {
namespace {

using protect::Candidate;

std::string measure_help() {
  std::string help = "Measures:\n";
  for (const auto& row : protect::measures()) {
    help += fmt::format("  {:<20} {}{}\n", row.name, row.help,
                        row.needs_images ? " [measured on --data]" : "");
  }
  return help;
}

std::vector<const protect::MeasureRow*> chosen_measures(const std::string& list) {
  std::vector<const protect::MeasureRow*> rows;
  for (const std::string& name : split_list(list)) {
    if (name == "all") {
      for (const auto& row : protect::measures()) rows.push_back(&row);
    } else {
      rows.push_back(&protect::parse_measure(name, "--measures"));
    }
  }
  return rows;
}

/// The cheapest with at most --worst; with --max-cost alone, the one with the least worst case.
/// Throws InputError where there is none, or where what is chosen could not be written.
Candidate choose(const CommandLine& line, const std::vector<Candidate>& all) {
  constexpr double rounding = 1e-9;
  const bool cheapest = line.has("worst");
  const double worst = cheapest ? line.real("worst", 0, 100) : 100;
  const double cost = line.has("max-cost") ? line.real("max-cost", 1, 1000) : 1000;
  const auto key = [&](const Candidate& c) {
    const auto bits = static_cast<double>(c.memory_bits);
    return cheapest ? std::array{c.macs, static_cast<double>(c.pes), bits, c.worst_error}
                    : std::array{c.worst_error, c.mean_error, c.macs, bits};
  };
  const Candidate* best = nullptr;
  for (const Candidate& c : all) {
    if (c.worst_error > worst + rounding || c.macs > cost + rounding) continue;
    if (best == nullptr || key(c) < key(*best)) best = &c;
  }
  if (best == nullptr) {
    throw InputError("stuckat protect", "no candidate is within the targets",
                     "a larger --worst or --max-cost");
  }
  if (best->measure == "reschedule" && line.has("output")) {
    throw InputError("--output", "rescheduling depends on the PE that breaks", "--broken PE");
  }
  return *best;
}

void print_candidates(const std::vector<Candidate>& all) {
  fmt::print("{:<17} {:<28} {:>7} {:>6} {:>6} {:>11} {:>8} {:>8}  {}\n", "measure", "", "cost",
             "PEs", "mult.", "memory bits", "worst %", "mean %", "worst fault");
  constexpr int most = 40;
  const auto best =
      std::count_if(all.begin(), all.end(), [](const Candidate& c) { return c.pareto; });
  int64_t index = 0;
  for (const Candidate& c : all) {
    if (!c.pareto && c.measure != "none") continue;
    const bool shown = best <= most || index % ((best + most - 1) / most) == 0 || index + 1 == best;
    ++index;
    if (!shown) continue;
    fmt::print("{:<17} {:<28} {:>7.3f} {:>6} {:>6} {:>11} {:>8.2f} {:>8.2f}  {}\n", c.measure,
               c.detail, c.macs, thousands(c.pes), thousands(c.multipliers),
               thousands(c.memory_bits), c.worst_error, c.mean_error,
               c.worst_fault.empty() ? "-" : c.worst_fault);
  }
  fmt::print("{} candidates, {} that no other beats{}\n\n",
             thousands(static_cast<int64_t>(all.size())), thousands(best),
             best > most ? ", some of them shown" : "");
}

void print_rescheduled(const std::vector<protect::RescheduledPe>& pes, bool checked) {
  fmt::print("{:<24} {:>10} {:>10} {:>10} {:>16}  {}\n", "broken PE", "placed %", "random %",
             "chosen %", checked ? "on other images" : "", "");
  for (const auto& pe : pes) {
    const std::string other =
        fmt::format("{:.2f} -> {:.2f}", pe.checked_placed_error, pe.checked_error);
    fmt::print("{:<24} {:>10.2f} {:>10.2f} {:>10.2f} {:>16}  {}{}\n", pe.pe, pe.placed_error,
               pe.random_error, pe.error, checked ? other : "",
               pe.optimal && pe.why_fixed.empty() ? "optimal" : "", pe.why_fixed);
  }
  fmt::print("\n");
}

nlohmann::ordered_json cost_json(const Cost& cost) {
  return {{"pes", cost.pes}, {"multipliers", cost.multipliers}, {"memory_bits", cost.memory_bits}};
}

std::string csv(const std::string& evidence, const std::vector<Candidate>& all) {
  std::string text;
  for (const Candidate& c : all) {
    text += fmt::format("{},{},{},{:.6f},{},{},{},{:.4f},{:.4f},{},{}\n", evidence, c.measure,
                        c.count, c.macs, c.pes, c.multipliers, c.memory_bits, c.worst_error,
                        c.mean_error, c.worst_fault, c.pareto ? 1 : 0);
  }
  return text;
}

nlohmann::ordered_json evidence_json(const std::string& file, const campaign::Result& result,
                                     const std::vector<Candidate>& all,
                                     const std::vector<protect::RescheduledPe>& pes) {
  nlohmann::ordered_json json = {{"file", file},
                                 {"faults", result.identity.faults},
                                 {"images", result.images},
                                 {"error_free_error", 100 - result.golden_accuracy()},
                                 {"candidates", nlohmann::json::array()}};
  for (const Candidate& c : all) json["candidates"].push_back(to_json(c));
  for (const auto& pe : pes) json["pes"].push_back(to_json(pe));
  return json;
}

/// Writes PREFIX.h5 if channels have another order, PREFIX.json if there are redundant PEs or
/// codes.
std::vector<std::string> write_protected(const CommandLine& line, const Network& network,
                                         const ChannelOrders& orders, const Candidate& candidate) {
  const std::string prefix = line.text("output");
  std::vector<std::string> written;
  if (!orders.empty()) {
    write_model(prefix + ".h5", reschedule(network, orders),
                {tool_version, line.configuration().dump()});
    written.push_back(prefix + ".h5");
  }
  if (!candidate.redundant.empty() || !candidate.codes.empty()) {
    nlohmann::ordered_json json = {{"accelerator", line.text("accelerator")}};
    for (const auto& [redundancy, arrays] : candidate.redundant) {
      for (const auto& [array, pes] : arrays)
        json[protection_kinds()[redundancy].name][array] = pes;
    }
    for (const auto& [memory, code] : candidate.codes) json["codes"][memory] = code;
    write_text_file(prefix + ".json", json.dump(2) + "\n");
    written.push_back(prefix + ".json");
  }
  return written;
}

/// --check images after those of --data.
DataSet images_after(const CommandLine& line, const DataSet& data) {
  Subset subset;
  subset.train = line.text("half") == "train";
  subset.offset = static_cast<int>(line.integer("offset", 0, INT32_MAX)) + data.size();
  subset.count = static_cast<int>(line.integer("check", 1, INT32_MAX));
  return read_dataset(line.text("data"), subset);
}

/// Around one broken PE: "layer1/mvtu/pe[5]".
void reschedule_one(const CommandLine& line, const protect::MeasureInput& input,
                    nlohmann::ordered_json& json) {
  const std::string name = line.text("broken");
  std::vector<std::string> known;
  for (const auto& pe : protect::dead_pes(input.network, input.placement)) {
    known.push_back(pe.name());
    if (pe.name() != name) continue;
    const auto found = protect::reschedule_around(*input.meter, pe, input.search);
    const auto error = [&](const protect::SetScore& score) {
      return 100.0 -
             100.0 * static_cast<double>(score.least) / static_cast<double>(input.meter->images());
    };
    fmt::print(
        "{} dead at its worst level: {:.2f} % wrong as placed, {:.2f} % with the channels "
        "that cost least ({} sets measured{})\n",
        name, error(found.placed), error(found.chosen), thousands(found.measured),
        found.optimal ? ", all there are" : "");
    for (const auto& [layer, reason] : pe.why_fixed()) {
      fmt::print("{}: no other order: {}\n", input.network.layer(layer).name, reason);
    }
    json["broken"] = {{"pe", name},
                      {"placed_error", error(found.placed)},
                      {"error", error(found.chosen)},
                      {"optimal", found.optimal},
                      {"sets_measured", found.measured}};
    if (!line.has("output")) return;
    const auto orders = protect::orders_for(input.network, pe, found.sets);
    if (orders.empty()) throw InputError("--broken", name + " gains from no order", "another PE");
    for (const auto& path : write_protected(line, input.network, orders, {})) {
      fmt::print("{}\n", path);
    }
    return;
  }
  throw_unknown_name("--broken", "PE", name, known);
}

void add_protect_options(CommandLine& line) {
  add_data_options(line);
  line.options().add_options()("accelerator", text("NAME"), "hardware to protect; see below")(
      "evidence", po::value<std::vector<std::string>>()->value_name("FILE"),
      "result of 'stuckat campaign' of this model (and accelerator); may be repeated")(
      "measures", text("LIST", "none,channels,copies,parity,hamming,secded"),
      "what to try, separated by commas, or all; see below")(
      "worst", po::value<double>()->value_name("PERCENT"),
      "choose the cheapest with at most this worst-case error")(
      "max-cost", po::value<double>()->value_name("COST"),
      "choose among those of at most this cost, in unrolled networks (1 to 3)")(
      "broken", text("PE"), "reschedule around this dead PE, such as layer1/mvtu/pe[5]")(
      "sets", number("N", 2048), "sets of channels to measure in a search, about")(
      "seed", number("N", 1), "of random sets and exchanges")(
      "check", number("N", 0), "measure rescheduling again on so many images that follow --images")(
      "output,o", text("PREFIX"),
      "write what was chosen: PREFIX.h5 (channels in another order), PREFIX.json (copies, "
      "spares, codes: protected:PREFIX.json)")("csv", text("FILE"),
                                               "also write one line for each candidate as CSV");
  add_thread_option(line);
  line.epilogue(measure_help() + data_help() + accelerator_help());
}

}  // namespace

int run_protect(const Arguments& arguments) {
  CommandLine line("protect MODEL --accelerator NAME --evidence CAMPAIGN... [options]",
                   "What can be done about faults: candidates with what they cost and what the "
                   "worst fault of a\ncampaign then costs, and those that no other beats. With "
                   "--broken: which channels a\ndead PE should compute. docs/mitigation.md says "
                   "what each measure is.",
                   {"model"});
  add_protect_options(line);
  if (!line.parse(arguments)) return 0;
  if (!line.has("accelerator")) {
    throw InputError("stuckat protect", "no --accelerator", "hardware to protect");
  }
  if (!line.has("evidence") && !line.has("broken")) {
    throw InputError("stuckat protect", "nothing to go by", "--evidence CAMPAIGN, or --broken PE");
  }
  const bool chooses = line.has("worst") || line.has("max-cost");
  line.refuse_without_effect(
      {{"output", chooses || line.has("broken"), "chooses nothing",
        "--worst, --max-cost or --broken as well"},
       {"measures", line.has("evidence"), "without --evidence", "--evidence as well"},
       {"csv", line.has("evidence"), "without --evidence", "--evidence as well"}});
  if (line.has("output")) {
    line.check_files({}, {{"the network", line.text("output") + ".h5"},
                          {"the accelerator", line.text("output") + ".json"}});
  }
  const std::string path = line.text("model");
  const Network network = read_model(path);
  const AcceleratorPtr accelerator = parse_accelerator(line.text("accelerator"), network);
  const Placement placement = place_on(accelerator, network);
  if (is_protected(placement)) {
    throw InputError("--accelerator", placement.accelerator + " is protected already",
                     "the one inside");
  }
  const auto rows = chosen_measures(line.text("measures"));
  const bool measures = line.has("broken") || std::any_of(rows.begin(), rows.end(), [](auto* row) {
                          return row->needs_images;
                        });
  std::optional<DataSet> data;
  std::optional<protect::Meter> meter;
  std::optional<DataSet> other_images;
  std::optional<protect::Meter> check;
  if (measures) {
    data = load_data(line, network, path);
    meter.emplace(network, *data, threads(line));
    if (line.integer("check", 0, INT32_MAX) > 0) {
      other_images = images_after(line, *data);
      check.emplace(network, *other_images, threads(line));
    }
  }
  const auto files = line.has("evidence") ? line.get<std::vector<std::string>>("evidence")
                                          : std::vector<std::string>{};
  protect::SearchOptions search;
  search.sets = line.integer("sets", 1, 100'000'000);
  search.seed = static_cast<uint64_t>(line.integer("seed", 0, INT64_MAX));
  std::vector<campaign::Result> evidence;
  for (const std::string& file : files) {
    evidence.push_back(campaign::read_result(file));
    const auto& identity = evidence.back().identity;
    protect::check_evidence({network, placement, evidence.back()}, file);
    if (data && identity.data_hash != content_hash(*data)) {
      throw InputError(
          file, "is about other images than --data",
          fmt::format("the images of the campaign: {} of {}", identity.images, identity.data));
    }
  }
  const Cost base = accelerator->cost(network);
  nlohmann::ordered_json json = {{"schema", "stuckat.protection"},        {"schema_version", 1},
                                 {"configuration", line.configuration()}, {"network", network.name},
                                 {"accelerator", placement.accelerator},  {"cost", cost_json(base)},
                                 {"evidence", nlohmann::json::array()}};
  std::string rows_csv =
      "evidence,measure,count,macs,pes,multipliers,memory_bits,worst_error,mean_error,"
      "worst_fault,pareto\n";
  for (size_t e = 0; e < files.size(); ++e) {
    const campaign::Result& result = evidence[e];
    std::vector<protect::RescheduledPe> pes;
    const protect::MeasureInput input{
        network, placement, result, meter ? &*meter : nullptr, search, check ? &*check : nullptr,
        &pes};
    const auto all = protect::candidates(input, rows, files[e]);
    // The first campaign decides; before anything is printed, so that a refusal is all there is.
    const std::optional<Candidate> chosen =
        chooses && e == 0 ? std::optional(choose(line, all)) : std::nullopt;
    if (e == 0) {
      fmt::print("{}: {} PEs, {} multipliers, {} memory bits; costs below are beside these\n\n",
                 placement.accelerator, thousands(base.pes), thousands(base.multipliers),
                 thousands(base.memory_bits));
    }
    fmt::print("Faults: {} ({}), {:.2f} % wrong without any\n", result.identity.faults, files[e],
               100 - result.golden_accuracy());
    print_candidates(all);
    if (!pes.empty()) print_rescheduled(pes, check.has_value());
    rows_csv += csv(result.identity.faults, all);
    json["evidence"].push_back(evidence_json(files[e], result, all, pes));
    if (!chosen) continue;
    fmt::print("chosen: {} {}: cost {:.3f}, {:.2f} % wrong at worst\n", chosen->measure,
               chosen->detail, chosen->macs, chosen->worst_error);
    json["chosen"] = to_json(*chosen);
    if (!line.has("output")) continue;
    const Candidate real =
        chosen->measure == "channels" ? protect::realized_channels(input, chosen->count) : *chosen;
    const auto written = write_protected(line, network, real.orders, real);
    for (const auto& name : written) fmt::print("{}\n", name);
    if (written.empty()) fmt::print("nothing to write: the accelerator as it is\n");
  }
  if (line.has("broken")) {
    const campaign::Result none;
    reschedule_one(line, {network, placement, none, &*meter, search}, json);
  }
  if (line.has("csv")) write_text_file(line.text("csv"), rows_csv);
  line.write_json(json);
  return 0;
}

}  // namespace stuckat::cli
