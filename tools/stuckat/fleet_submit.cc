// A fleet as jobs of a Slurm cluster: an array whose tasks retrain groups, and a job that checks
// and collects them.
#include <fmt/format.h>

#include <set>

#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/fleet.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/slurm.h"

namespace stuckat::cli {
namespace {

/// The command "fleet train" with the options of this line, but those of the jobs.
Arguments training_arguments(const CommandLine& line) {
  Arguments arguments = {line.text("model")};
  const auto configuration = line.configuration();
  for (const auto& [name, value] : configuration.items()) {
    static const std::set<std::string> not_of_training = {"command", "model",  "shards", "cpus",
                                                          "retries", "sbatch", "dry-run"};
    if (not_of_training.count(name) != 0) continue;
    if (value.is_boolean()) {
      if (value.get<bool>()) arguments.push_back("--" + name);
      continue;
    }
    arguments.push_back("--" + name + "=" +
                        (value.is_string() ? value.get<std::string>() : value.dump()));
  }
  return arguments;
}

}  // namespace

int fleet_submit(const Arguments& arguments) {
  CommandLine line(
      "fleet submit MODEL --lot CHIPS.h5 --accelerator NAME --resilience MAP.h5 --networks FOLDER "
      "-o FLEET.h5 --shards N",
      "Runs 'fleet train' as jobs of a Slurm cluster: an array whose tasks retrain the groups, and "
      "a job that checks, splits and collects them into FLEET.h5 when all have ended, the same "
      "bytes as those of a single run. A task that is requeued, or fails, or reaches its time "
      "limit "
      "goes on where it was. Logs and job scripts lie in FLEET.h5.shards; submitting again "
      "computes "
      "only what is missing.",
      {"model"});
  add_fleet_train_options(line);
  add_slurm_options(line);
  line.epilogue(data_help() + site_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  for (const char* option : {"networks", "output"}) {
    if (!line.has(option)) throw InputError("stuckat fleet submit", std::string("no --") + option);
  }
  check_can_replace(line.text("output"));
  // What is wrong is said now, not by every job.
  const FleetHardware hardware(line);
  const FleetConstraint constraint = load_constraint(line, hardware.network());
  const FleetImages images = load_fleet_images(line, hardware.network());
  trainer::Workers workers(0);
  FleetRepair repair(line, hardware, images.validation, workers);
  FleetChips chips(line, hardware, &repair);
  int64_t groups = 0;
  for (const auto& plan : plan_policies(line, chips.view(constraint.curve, constraint.accuracy))) {
    groups += std::ssize(plan.groups);
  }
  SlurmJobs jobs(line, line.text("output"));
  jobs.task = {"fleet train", training_arguments(line)};
  jobs.merge_name = "collect";
  jobs.merge = jobs.task;
  jobs.merge.arguments.push_back("--threads=" + std::to_string(jobs.cpus));
  jobs.merge.arguments.push_back("--output=" + line.text("output"));
  jobs.merge_computes = true;  // what misses the constraint is split, and its parts are retrained
  submit(
      line, jobs, "stuckat fleet submit", [&](const std::string& array, const std::string& merge) {
        return fmt::format(
            "{} groups of {} chips: job {} retrains them in {} tasks, job {} collects them into {}",
            thousands(groups), thousands(std::ssize(chips.maps())), array, jobs.shards, merge,
            line.text("output"));
      });
  return 0;
}

}  // namespace stuckat::cli
