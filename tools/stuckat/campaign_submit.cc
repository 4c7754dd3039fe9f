// A campaign as jobs of a Slurm cluster: an array of shards, and a job that merges them.
#include <fmt/format.h>

#include "sim/campaign/run.h"
#include "tools/stuckat/campaign_inputs.h"
#include "tools/stuckat/inputs.h"
#include "tools/stuckat/slurm.h"

namespace stuckat::cli {
namespace {

SlurmJobs jobs_of(const CommandLine& line) {
  SlurmJobs jobs(line, line.text("output"));
  jobs.task = {"campaign",
               campaign_arguments(campaign_configuration(line).dump(), "stuckat campaign submit")};
  jobs.task.arguments.emplace_back("--resume");
  jobs.tasks_have_results = true;
  jobs.merge = {"campaign merge", jobs.shard_results()};
  if (line.has("csv")) jobs.merge.arguments.push_back("--csv=" + line.text("csv"));
  jobs.merge.arguments.push_back("--output=" + line.text("output"));
  return jobs;
}

}  // namespace

int run_submit(const Arguments& arguments) {
  CommandLine line(
      "campaign submit MODEL --faults LIST --data NAME[:PATH] -o RESULT --shards N",
      "Runs a campaign as jobs of a Slurm cluster: an array of shards, and a job that "
      "merges them\ninto RESULT when all have ended, the same bytes as those of a "
      "single run. A shard that is\nrequeued, or fails, or reaches its time limit goes "
      "on from its journal. Shards, logs and job\nscripts lie in RESULT.shards; "
      "submitting again computes only what is missing.",
      {"model"});
  add_campaign_options(line);
  line.options().add_options()("output,o", text("FILE"), "result file to write");
  add_slurm_options(line);
  line.options().add_options()("csv", text("FILE"),
                               "the merging job also writes one line for each fault as CSV");
  if (!line.parse(arguments)) return 0;
  if (!line.has("output")) {
    throw InputError("stuckat campaign submit", "no --output", "-o RESULT.h5");
  }
  const SlurmJobs jobs = jobs_of(line);
  // What is wrong is said now, not by every job.
  const CampaignInputs in = load_campaign(line);
  const int64_t images = in.data.size();
  if (jobs.shards > images) {
    throw InputError("--shards", std::to_string(jobs.shards),
                     fmt::format("1 to {} images", images));
  }
  submit(line, jobs, "stuckat campaign submit",
         [&](const std::string& array, const std::string& merge) {
           return fmt::format(
               "{} faults on {} images: job {} has {} shards, job {} merges them into {}",
               thousands(in.faults.size()), thousands(images), array, jobs.shards, merge,
               line.text("output"));
         });
  return 0;
}

}  // namespace stuckat::cli
