// Fleets as jobs of a Slurm cluster: an array whose tasks share the work, and a job that puts
// together what they have.
#include <fmt/format.h>

#include "tools/stuckat/accelerator.h"
#include "tools/stuckat/faults.h"
#include "tools/stuckat/fleet.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/slurm.h"

namespace stuckat::cli {

int fleet_submit(const Arguments& arguments) {
  CommandLine line(
      "fleet submit MODEL --lot CHIPS.h5 --accelerator NAME --resilience MAP.h5 --networks FOLDER "
      "-o FLEET.h5 --shards N",
      "Runs 'fleet train' as jobs of a Slurm cluster: an array whose tasks retrain the groups, and "
      "a job that checks, splits and collects them into FLEET.h5 when all have ended, the same "
      "bytes as those of a single run. A task that is requeued, or fails, or reaches its time "
      "limit goes on where it was. Logs and job scripts lie in FLEET.h5.shards; submitting again "
      "computes only what is missing.",
      {"model"});
  add_fleet_train_options(line);
  add_slurm_options(line);
  line.epilogue(data_help() + site_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  for (const char* option : {"networks", "output"}) {
    if (!line.has(option)) throw InputError("stuckat fleet submit", std::string("no --") + option);
  }
  check_can_replace(line.text("output"));
  SlurmJobs jobs(line, line.text("output"));
  // What is wrong is said now, not by every job; what is chosen by measuring is left to them.
  const FleetHardware hardware(line);
  const FleetConstraint constraint = load_constraint(line, hardware.network());
  const FleetImages images = load_fleet_images(line, hardware.network());
  retraining_of(line, constraint, images);
  trainer::Workers workers(0);
  const FleetRepair repair(line, hardware, images.validation, workers);
  FleetChips chips(line, hardware, nullptr);
  int64_t groups = 0;
  for (const auto& plan : plan_policies(line, chips.view(constraint.curve, constraint.accuracy))) {
    groups += std::ssize(plan.groups);
  }
  jobs.task = {"fleet train", work_arguments(line)};
  jobs.merge_name = "collect";
  jobs.merge = jobs.task;
  jobs.merge.arguments.push_back("--threads=" + std::to_string(jobs.cpus));
  jobs.merge.arguments.push_back("--output=" + line.text("output"));
  jobs.merge_computes = true;  // what misses the constraint is split, and its parts are retrained
  submit(line, jobs, "stuckat fleet submit",
         [&](const std::string& array, const std::string& merge) {
           const std::string chips_text = thousands(std::ssize(chips.maps()));
           return fmt::format("{}: job {} retrains them in {} tasks, job {} collects them into {}",
                              repair.any()
                                  ? "the groups of " + chips_text + " chips that are repaired first"
                                  : thousands(groups) + " groups of " + chips_text + " chips",
                              array, jobs.shards, merge, line.text("output"));
         });
  return 0;
}

int fleet_submit_resilience(const Arguments& arguments) {
  CommandLine line(
      "fleet submit-resilience MODEL --accelerator NAME --data NAME --validation-images N "
      "-o MAP.h5 --shards N",
      "Runs 'fleet resilience' as jobs of a Slurm cluster: an array whose tasks share the runs, "
      "and a job that merges their parts into MAP.h5 when all have ended, the same bytes as those "
      "of a single run. A task that is requeued, or fails, or reaches its time limit goes on with "
      "the run that it was at. Parts, logs and job scripts lie in MAP.h5.shards; submitting again, "
      "with as many shards, computes only what is missing.",
      {"model"});
  add_fleet_resilience_options(line);
  add_slurm_options(line);
  line.epilogue(data_help() + site_help() + accelerator_help());
  if (!line.parse(arguments)) return 0;
  if (!line.has("output")) {
    throw InputError("stuckat fleet submit-resilience", "no --output", "-o MAP.h5");
  }
  check_can_replace(line.text("output"));
  SlurmJobs jobs(line, line.text("output"));
  // What is wrong is said now, not by every job.
  const FleetResilience asked(line, 0);
  trainer::check(asked.options, asked.images.train);
  const int64_t runs = std::ssize(asked.options.rates) * asked.options.repeats;
  if (jobs.shards > runs) {
    throw InputError("--shards", std::to_string(jobs.shards), fmt::format("1 to {} runs", runs));
  }
  const Arguments parts = jobs.shard_results();
  const std::string made_of = trainer::configuration(asked.deployed(), asked.options);
  for (const std::string& part : parts) trainer::begun_map(part, made_of);
  jobs.task = {"fleet resilience", work_arguments(line)};
  jobs.tasks_have_results = true;
  jobs.merge = {"fleet merge", parts};
  jobs.merge.arguments.push_back("--output=" + line.text("output"));
  submit(line, jobs, "stuckat fleet submit-resilience",
         [&](const std::string& array, const std::string& merge) {
           return fmt::format(
               "{} runs: job {} shares them among {} tasks, job {} merges them into "
               "{}",
               thousands(runs), array, jobs.shards, merge, line.text("output"));
         });
  return 0;
}

}  // namespace stuckat::cli
