#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "sim/campaign/fault_set.h"
#include "sim/campaign/result.h"
#include "sim/campaign/run.h"
#include "sim/campaign/sampling.h"
#include "sim/campaign/summary.h"
#include "tools/stuckat/campaign_inputs.h"
#include "tools/stuckat/command_line.h"
#include "tools/stuckat/commands.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/interrupt.h"
#include "tools/stuckat/option_values.h"
#include "tools/studies/changed_images.h"

namespace stuckat::cli {
namespace {

using campaign::FaultSet;
using campaign::Result;

void print_result(const Result& result) {
  fmt::print("{} faults on {} images of {}\n\n", thousands(result.size()), thousands(result.images),
             result.identity.data);
  fmt::print("{}\n", campaign::layer_table(result));
  fmt::print("{}\n", campaign::fate_table(result));
  if (!campaign::by_pe(result).empty()) fmt::print("{}\n", campaign::pe_table(result));
  fmt::print("{}\n", campaign::worst_table(result));
  if (result.identity.sampling) fmt::print("{}\n", campaign::estimates_table(result));
  const auto all = campaign::overall(result);
  fmt::print("{} faults masked, {} tolerated, {} critical on at least one image\n",
             thousands(all.masked_faults), thousands(all.tolerated_faults),
             thousands(all.critical_faults));
  const auto same = campaign::collapse(result);
  fmt::print(
      "{} classes of faults that do the same: {} collapsed, {} without effect, {} never excited\n",
      thousands(same.classes), thousands(same.collapsed), thousands(same.no_effect),
      thousands(same.silent));
}

/// In percent, as all accuracies.
nlohmann::ordered_json limits(const campaign::Estimate& e) {
  return {{"value", 100 * e.value}, {"low", 100 * e.low}, {"high", 100 * e.high}};
}

nlohmann::ordered_json campaign_json(const Result& result) {
  const auto all = campaign::overall(result);
  const auto same = campaign::collapse(result);
  nlohmann::ordered_json layers = nlohmann::json::array();
  for (const auto& row : campaign::by_layer_and_level(result)) {
    layers.push_back(
        {{"layer", row.name},
         {"level", row.level == campaign::FaultInfo::no_level ? nlohmann::ordered_json()
                                                              : nlohmann::ordered_json(row.level)},
         {"faults", row.accuracy.faults},
         {"min", row.accuracy.min},
         {"max", row.accuracy.max},
         {"mean", row.accuracy.mean}});
  }
  nlohmann::ordered_json json = {{"network", result.identity.network},
                                 {"data", result.identity.data},
                                 {"faults", result.identity.faults},
                                 {"size", result.size()},
                                 {"images", result.images},
                                 {"sample", result.identity.sampling.has_value()},
                                 {"confidence", campaign::confidence(result)},
                                 {"error_free", result.golden_accuracy()},
                                 {"error_free_limits", limits(campaign::golden_limits(result))},
                                 {"min", all.accuracy.min},
                                 {"max", all.accuracy.max},
                                 {"mean", all.accuracy.mean},
                                 {"variance", all.variance},
                                 {"masked_faults", all.masked_faults},
                                 {"tolerated_faults", all.tolerated_faults},
                                 {"critical_faults", all.critical_faults},
                                 {"classes", same.classes},
                                 {"collapsed", same.collapsed},
                                 {"no_effect", same.no_effect},
                                 {"never_excited", same.silent},
                                 {"layers", layers}};
  for (const auto& row : campaign::by_pe(result)) {
    json["pes"].push_back({{"part", row.part},
                           {"pe", row.pe},
                           {"faults", row.accuracy.faults},
                           {"min", row.accuracy.min},
                           {"max", row.accuracy.max},
                           {"mean", row.accuracy.mean}});
  }
  if (result.identity.sampling) {
    for (const auto& row : campaign::estimates(result)) {
      json["estimates"].push_back({{"stratum", row.stratum},
                                   {"sampled", row.sampled},
                                   {"population", row.population},
                                   {"accuracy", limits(row.accuracy)},
                                   {"critical", limits(row.critical)},
                                   {"critical_faults", limits(row.critical_faults)}});
    }
  }
  if (all.accuracy.worst >= 0) {
    json["worst"] = result.faults[static_cast<size_t>(all.accuracy.worst)].id;
    json["worst_loss"] = limits(campaign::loss_limits(result, all.accuracy.worst));
  }
  return json;
}

/// Computes pairs that are spread over the campaign with the fast engine and with the reference.
/// An engine that is wrong is an internal error, never a result.
void verify(const Network& network, const DataSet& data, const FaultSet& faults, int64_t pairs) {
  pairs = std::min(pairs, faults.size() * data.size());
  const auto fast = campaign::fast_engine()(network);
  const auto reference = campaign::reference_engine()(network);
  for (int64_t i = 0; i < pairs; ++i) {
    const int64_t fault = (2 * i + 1) * faults.size() / (2 * pairs);
    const int64_t image = i * 7919 % data.size();
    const Tensor input = input_tensor(network, data, static_cast<int>(image));
    auto verdict = [&](const campaign::PreparedNetwork& prepared) {
      campaign::Verdict result;
      const auto ready = prepared.prepare({faults.effects(fault)}, 1);
      const auto simulator = ready->simulator();
      simulator->load(input, image);
      simulator->simulate(0, {&result, 1});
      return result;
    };
    if (!(verdict(*fast) == verdict(*reference))) {
      throw std::logic_error("the engine and the reference differ under " + faults.info(fault).id +
                             " on image " + std::to_string(image) + "; please report this");
    }
  }
  fmt::print("{} fault-image{} computed again with the reference: equal\n\n", pairs,
             pairs == 1 ? "" : "s");
}

/// Those that the worst faults change, of the images that were counted.
void keep_images(const CommandLine& line, const CampaignInputs& in, const Result& result) {
  const auto which = studies::worst_faults(result, line.integer("keep-worst", 1, 10'000));
  const campaign::ImageRange images = campaign::shard_images(result.identity.images, result.shard);
  const auto changed = studies::changed_images(in.network, in.data, images.first, images.count,
                                               in.faults, which, threads(line));
  write_text_file(line.text("keep-images"), studies::changed_images_csv(changed, result));
  fmt::print("{}: {} images that the {} worst faults change\n\n", line.text("keep-images"),
             thousands(std::ssize(changed)), which.size());
}

void finish(const CommandLine& line, const Result& result) {
  print_result(result);
  if (line.has("csv")) write_text_file(line.text("csv"), campaign::faults_csv(result));
  line.write_json(campaign_json(result), "campaign");
}

/// `configuration`: as recorded by the run that this one goes on with; else that of the arguments.
int run(const Arguments& arguments, campaign::Resume resume,
        const std::string& configuration = {}) {
  CommandLine line(
      "campaign MODEL --faults LIST --data NAME[:PATH] -o RESULT [options]",
      "The accuracy of a model under each fault of a list, one at a time, exactly: "
      "every fault on\nevery image (FAT, Algorithm 1). A run can be killed at any moment: 'stuckat "
      "campaign\nresume RESULT' goes on. Also: 'stuckat campaign "
      "list|resume|submit|merge|show|replay --help'.",
      {"model"});
  add_campaign_options(line);
  line.options().add_options()("output,o", text("FILE"), "result file to write")(
      "resume", po::bool_switch(),
      "go on where an earlier run with this output was stopped, if any")(
      "shard", text("I/N", "0/1"), "do part I (0 .. N-1) of N, for 'stuckat campaign merge'")(
      "csv", text("FILE"), "also write one line for each fault as CSV")(
      "keep-images", text("FILE"),
      "also write, as CSV, which images the worst faults change, and to what: to be looked at with "
      "'campaign replay --fault ID --image N' and 'whatif --fault ID -o PAGE'")(
      "keep-worst", number("N", 20), "of so many faults, the worst")(
      "verify", number("N", 8),
      "pairs of fault and image, spread over the campaign, to compute again with the reference");
  add_thread_option(line);
  if (!line.parse(arguments)) return 0;
  if (resume == campaign::Resume::refuse && line.get<bool>("resume")) {
    resume = campaign::Resume::allowed;
  }
  if (!line.has("output")) throw InputError("stuckat campaign", "no --output", "-o RESULT.h5");
  line.refuse_without_effect(
      {{"keep-worst", line.has("keep-images"), "no images are kept", "--keep-images FILE"}});
  check_can_replace(line.text("output"));
  line.check_files({}, {{"the journal", campaign::journal_path(line.text("output"))}});
  const CampaignInputs in = load_campaign(line);
  campaign::RunOptions options;
  options.shard = shard_option(line);
  options.threads = threads(line);
  options.configuration =
      configuration.empty() ? campaign_configuration(line).dump() : configuration;
  options.replace = line.force();

  catch_interrupts();
  ProgressLine progress("campaign");
  const auto start = std::chrono::steady_clock::now();
  const std::string output = line.text("output");
  const auto outcome = campaign::run_to_file(
      output, resume, in.network, in.data, in.faults, options, campaign::fast_engine(),
      [&](const campaign::Progress& p) {
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
        const double rate = static_cast<double>(p.done - p.resumed) / std::max(1e-9, time.count());
        progress.show(
            static_cast<double>(p.done) / static_cast<double>(std::max<int64_t>(1, p.total)),
            thousands(static_cast<int64_t>(rate)) + " fault-images/s");
        return !interrupted();
      });
  progress.clear();
  if (!outcome.finished) {
    fmt::print(stderr, "stopped; 'stuckat campaign resume {}' goes on\n", output);
    return interrupted_exit_code();
  }
  if (outcome.progress.resumed == outcome.progress.total) {
    fmt::print("{} is finished already (--force computes it again)\n", output);
  } else if (outcome.progress.resumed > 0) {
    fmt::print("resumed: {} of {} fault-images were done already\n",
               thousands(outcome.progress.resumed), thousands(outcome.progress.total));
  }
  verify(in.network, in.data, in.faults, line.integer("verify", 0, INT32_MAX));
  if (line.has("keep-images")) keep_images(line, in, outcome.result);
  finish(line, outcome.result);
  return 0;
}

int resume(const Arguments& arguments) {
  CommandLine line("campaign resume RESULT [options]",
                   "Goes on with a campaign that was stopped or killed; nothing is lost or counted "
                   "twice.",
                   {"result"});
  line.options().add_options()("csv", text("FILE"), "also write one line for each fault as CSV");
  add_moved_options(line);
  add_thread_option(line);
  if (!line.parse(arguments)) return 0;
  const std::string path = line.text("result");
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored) &&
      !std::filesystem::exists(campaign::journal_path(path), ignored)) {
    const Result result = campaign::read_result(path);
    fmt::print("{} is finished\n\n", path);
    finish(line, result);
    return 0;
  }
  const auto journal = campaign::read_unfinished(path);
  Arguments again =
      moved_campaign_arguments(journal.configuration, campaign::journal_path(path), line, path);
  again.push_back(fmt::format("--shard={}/{}", journal.shard.index, journal.shard.count));
  again.push_back("--output=" + path);
  again.push_back(fmt::format("--threads={}", threads(line)));
  if (line.get<bool>("quiet")) again.push_back("--quiet");
  for (const char* name : {"csv", "json"}) {
    if (line.has(name)) again.push_back(fmt::format("--{}={}", name, line.text(name)));
  }
  return run(again, campaign::Resume::required, journal.configuration);
}

int merge(const Arguments& arguments) {
  CommandLine line("campaign merge SHARD... -o RESULT",
                   "Puts the shards of a campaign together: the same file that the whole run "
                   "would have written.",
                   {"shards..."});
  line.options().add_options()("output,o", text("FILE"), "result file to write")(
      "csv", text("FILE"), "also write one line for each fault as CSV");
  if (!line.parse(arguments)) return 0;
  if (!line.has("output"))
    throw InputError("stuckat campaign merge", "no --output", "-o RESULT.h5");
  const auto paths = line.get<std::vector<std::string>>("shards");
  std::vector<Result> shards;
  for (const auto& path : paths) shards.push_back(campaign::read_result(path));
  const Result result = campaign::merge(shards, paths);
  const std::string output = line.text("output");
  std::error_code ignored;
  if (!line.force() && std::filesystem::exists(output, ignored) &&
      !(campaign::read_result(output).identity == result.identity)) {
    throw InputError(output, "holds another campaign", "another name, or --force to replace it");
  }
  campaign::write_result(line.text("output"), result);
  finish(line, result);
  return 0;
}

int show(const Arguments& arguments) {
  CommandLine line("campaign show RESULT", "Prints the tables of a result file.", {"result"});
  line.options().add_options()("csv", text("FILE"), "write one line for each fault as CSV");
  if (!line.parse(arguments)) return 0;
  finish(line, campaign::read_result(line.text("result")));
  return 0;
}

int start(const Arguments& arguments) { return run(arguments, campaign::Resume::refuse); }

}  // namespace

int run_campaign(const Arguments& arguments) {
  const std::vector<Command> table = {
      {"list", "say which faults, and write them to a file", run_list},
      {"resume", "go on with a campaign that was stopped", resume},
      {"submit", "run it as jobs of a Slurm cluster", run_submit},
      {"merge", "put the shards of a campaign together", merge},
      {"show", "print the tables of a result", show},
      {"replay", "run one pair cycle by cycle", run_replay}};
  if (!arguments.empty() && arguments.front() == "--list-options") {
    for (const Command& sub : table) fmt::print("{}\n", sub.name);
  }
  for (const Command& sub : table) {
    if (!arguments.empty() && arguments.front() == sub.name) {
      return sub.run({arguments.begin() + 1, arguments.end()});
    }
  }
  return start(arguments);
}

}  // namespace stuckat::cli
