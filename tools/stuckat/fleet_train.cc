#include <fmt/format.h>

#include <filesystem>

#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/fleet.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/interrupt.h"
#include "tools/stuckat/option_values.h"
#include "trainer/fleet/fleet_training.h"
#include "trainer/model_from_network.h"
#include "trainer/predict.h"
#include "workloads/hash.h"
#include "workloads/json_file.h"
#include "workloads/model_file.h"

namespace stuckat::cli {

trainer::RetrainOptions retraining_of(const CommandLine& line, const FleetConstraint& constraint,
                                      const FleetImages& images) {
  const std::string path = line.text("resilience");
  const auto json = json_or_nothing(constraint.map.configuration).value_or(Json());
  const auto same = [&](const char* name, const DataSet& data) {
    if (json.is_object() && json.value(name, "") == content_hash(data)) return;
    throw InputError(path, std::string("was measured with other ") + name + " images",
                     "the --data, --images and --validation-images of that measurement");
  };
  same("train", images.train);
  same("validation", images.validation);
  return trainer::retrain_options(json.value("retraining", ""), path);
}

void add_fleet_train_options(CommandLine& line) {
  line.options().add_options()("lot", text("FILE"), "fault maps of the chips (.h5, .csv, .json)");
  add_fleet_hardware_options(line);
  add_constraint_options(line);
  add_policy_options(line);
  add_repair_options(line);
  add_fleet_data_options(line);
  line.options().add_options()("test-images", number("N", -1),
                               "images of the test half that each chip is evaluated on in the end; "
                               "0: none, -1: all")(
      "attempts", number("N", 1),
      "a group that misses the constraint goes on with as many images again, so often in all")(
      "networks", text("FOLDER"), "where networks go; made if it is not there")(
      "output,o", text("FILE"), "what came of the lot");
}

int fleet_train(const Arguments& arguments) {
  CommandLine line(
      "fleet train MODEL --lot CHIPS.h5 --accelerator NAME --resilience MAP.h5 --networks FOLDER "
      "-o FLEET.h5",
      "Carries plans out: retrains the groups of every policy as the resilience map did, checks "
      "each on validation images, and splits what misses the constraint. Networks go into FOLDER; "
      "what is there already is taken from it, so that a command that was killed goes on, and "
      "policies share what they have in common. With --shard nothing but FOLDER is written.",
      {"model"});
  add_fleet_train_options(line);
  line.options().add_options()("shard", text("I/N"), "groups I, I+N, ... of each plan only");
  add_thread_option(line);
  line.epilogue(data_help() + site_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  for (const char* option : {"networks", "output"}) {
    if (line.has(option) || (option == std::string("output") && line.has("shard"))) continue;
    throw InputError("stuckat fleet train", std::string("no --") + option);
  }
  if (line.has("output")) check_can_replace(line.text("output"));
  const FleetHardware hardware(line);
  const FleetConstraint constraint = load_constraint(line, hardware.network());
  const FleetImages images = load_fleet_images(line, hardware.network());
  const auto test_images = static_cast<int>(line.integer("test-images", -1, INT32_MAX));
  std::optional<DataSet> test;
  if (test_images != 0) test = read_dataset(line.text("data"), {false, 0, test_images});
  trainer::FleetOptions options;
  options.retrain = retraining_of(line, constraint, images);
  policy_names(line);
  const std::string folder = line.text("networks");
  std::filesystem::create_directories(folder);

  // From here on chips that are repaired are measured.
  trainer::Workers workers(threads(line));
  FleetRepair repair(line, hardware, images.validation, workers);
  FleetChips chips(line, hardware, &repair);
  const trainer::Model start = trainer::start_model(hardware.network(), images.train, workers);
  const trainer::Deployed deployed{hardware.network(), start, images.train, images.validation};
  options.constraint = constraint.accuracy;
  options.attempts = static_cast<int>(line.integer("attempts", 1, 1000));
  options.images = [&](double rate) {
    const int64_t needed = constraint.curve.images(rate);
    return needed == grouping::ResilienceCurve::never ? constraint.curve.greatest_amount() : needed;
  };
  options.shard = shard_option(line);

  trainer::FleetResult result;
  nlohmann::ordered_json configuration = line.configuration();
  configuration.erase("networks");
  configuration["resilience"] = constraint.map.configuration;
  result.configuration = configuration.dump();
  result.network = hardware.network().name;
  result.accelerator = hardware.name();
  result.repair = repair.name();
  result.spares = repair.cost();
  result.constraint = constraint.accuracy;
  result.deployed_validation = constraint.map.deployed;
  if (test) result.deployed_test = trainer::accuracy(hardware.network(), *test, workers);
  for (const auto& set : chips.sets()) result.rates.push_back(chips.measure().rate(set));
  result.curve = constraint.curve.points();
  result.resilience_images = constraint.map.cost();

  const auto plans = plan_policies(line, chips.view(constraint.curve, constraint.accuracy));
  catch_interrupts();  // of what was measured so far nothing is kept
  ProgressLine progress("fleet");
  const trainer::FleetLot lot = chips.lot();
  for (size_t i = 0; i < plans.size(); ++i) {
    trainer::FleetOutcome outcome;
    const bool finished = trainer::run_fleet(
        folder, plans[i], lot, deployed, test ? &*test : nullptr, options, workers, outcome,
        [&](const trainer::FleetProgress& p) {
          const double within =
              static_cast<double>(p.done) / static_cast<double>(std::max<int64_t>(1, p.groups));
          progress.show((static_cast<double>(i) + within) / static_cast<double>(plans.size()),
                        fmt::format("{}: group {} of {}", p.policy, p.done, p.groups));
          return !interrupted();
        });
    if (!finished) {
      progress.clear();
      fmt::print(stderr, "stopped; the same command goes on\n");
      return interrupted_exit_code();
    }
    result.outcomes.push_back(std::move(outcome));
  }
  progress.clear();
  if (line.has("shard")) {
    fmt::print("{}: the groups of shard {} are there\n", folder, line.text("shard"));
    return 0;
  }
  trainer::write_fleet_result(line.text("output"), result);
  fmt::print("{}{}\n", fleet_data_text(images),
             test ? fmt::format(", {} test images", thousands(test->size())) : "");
  show_repair(repair);
  show_outcome(result);
  nlohmann::ordered_json json = outcome_json(result);
  json["data"] = fleet_data_json(images);
  if (test) {
    json["data"]["test_images"] = test->size();
    json["data"]["test_hash"] = content_hash(*test);
  }
  line.write_json(json, "fleet outcome");
  return 0;
}

}  // namespace stuckat::cli
